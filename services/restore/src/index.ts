export { restoreConfig } from './config.js'
export { restoreService } from './service.js'
