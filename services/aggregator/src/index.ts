export { aggregatorConfig } from './config.js'
export { aggregatorService } from './service.js'
