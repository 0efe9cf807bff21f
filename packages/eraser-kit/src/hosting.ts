// For services that host connectors themselves, as the restore service does.
export { RequestClient, type RequestPort, subjectShape } from './request-client.js'
export { Systems } from './systems.js'
