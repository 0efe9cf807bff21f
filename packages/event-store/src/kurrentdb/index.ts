import { EventStoreDBClient } from '@eventstore/db-client'
import { KurrentEventStore, type KurrentOptions } from './kurrent-event-store.js'

export { type KurrentClient, KurrentEventStore, type KurrentOptions } from './kurrent-event-store.js'

/** A store on the server of an `esdb://` address; nothing is connected before the first call. */
export function openKurrentEventStore(url: string, options?: KurrentOptions): KurrentEventStore {
  return new KurrentEventStore(EventStoreDBClient.connectionString(url), options)
}
