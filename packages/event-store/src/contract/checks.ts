import type { EventStore } from '../event-store.js'
import { allOrNothing, oneWriterWins, refusesMalformed, refusesWrongVersions } from './checks-append.js'
import { overlappingWriters, pagesVisitEverything, readerMissesNothing } from './checks-order.js'
import { foldsFromAnyCut, keepsNewestSnapshot } from './checks-snapshots.js'
import { dataSurvives, readsFromAnyVersion, versionsHaveNoGaps } from './checks-streams.js'

/** One promise of the port. `run` throws when the store does not keep it. */
export interface Check {
  readonly title: string
  run(store: EventStore): Promise<void>
}

/** The specification of an event store, in the order a new adapter is best brought through it. */
export const checks = {
  versionsHaveNoGaps,
  dataSurvives,
  readsFromAnyVersion,
  refusesMalformed,
  refusesWrongVersions,
  allOrNothing,
  oneWriterWins,
  pagesVisitEverything,
  overlappingWriters,
  readerMissesNothing,
  keepsNewestSnapshot,
  foldsFromAnyCut,
} as const satisfies Record<string, Check>

export type CheckName = keyof typeof checks
