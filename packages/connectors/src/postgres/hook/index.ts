export {
  isShut,
  prepareDataDirectory,
  type RestoredDirectory,
  undoDataDirectory,
} from './data-directory.js'
export { type PreparedGate, PrepareError } from './prepare.js'
export { isShutOn, prepareRunningServer, type RunningServer, undoRunningServer } from './running-server.js'
