export { opsConfig } from './config.js'
export { opsService } from './service.js'
