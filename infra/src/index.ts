export { type Endpoints, type EraserPorts, endpoints, type PortName } from './endpoints.js'
export {
  installSearchServer,
  type SearchServer,
  type SearchServerName,
  startSearchServer,
} from './search-server.js'
export { registerOutboxConnector, removeOutboxConnector } from './stack/connector.js'
export { openContext, type StackContext } from './stack/context.js'
export { urlAs, withClient } from './stack/databases.js'
export { eventually } from './stack/health.js'
export { logs } from './stack/logs.js'
export { type ProcessSpec, start as startProcess, stop as stopProcess } from './stack/processes.js'
export { renderStatus } from './stack/render-status.js'
export { lethesProcesses } from './stack/services.js'
export { down, type UpOptions, up } from './stack/stack.js'
export { isRunning, type ProcessRecord, type Profile, StateDir } from './stack/state.js'
export { type Known, type ProcessStatus, type SlotStatus, type StackStatus, status } from './stack/status.js'
export { freeOffset } from './test-run/free-offset.js'
