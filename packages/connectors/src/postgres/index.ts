export { postgres } from './connector.js'
export { type PostgresOptions, postgresOptions } from './database.js'
export * from './grammar.js'
export { install } from './receipts.js'
