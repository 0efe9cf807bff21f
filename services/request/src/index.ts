export { requestConfig } from './config.js'
export { requestService } from './service.js'
