export { backToBack } from './back-to-back.js'
export { MAX_STREAMS_PER_BATCH } from './batch.js'
export { VersionConflict } from './errors.js'
export type {
  AllPage,
  AppendedStream,
  EventStore,
  NewEvent,
  Position,
  Snapshot,
  StoredEvent,
  StreamAppend,
} from './event-store.js'
export { inSnapshot, inTransaction, TransactionAborted } from './in-transaction.js'
export { migrate, migrationsDirectory } from './migrate.js'
export { type LoadedStream, PgEventStore, type StreamWanted } from './pg-event-store.js'
export { isUnavailable } from './unavailable.js'
