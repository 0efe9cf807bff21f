import type { Connector, IdentifierType, ProbeSession, RestoreSession, Session } from '@lethe/eraser-kit'
import type { Systems } from '@lethe/eraser-kit/hosting'

/** More would hold back whoever shares the machine with the store. */
const MOST_LANES = 2

/** One store the restore service watches. Sessions are opened when first needed and kept. */
export interface WatchedSystem {
  readonly systemId: string
  /** Subjects one call of the connector takes. */
  readonly batchMax: number
  /** The same where everybody of the store is gone through. */
  readonly bulkMax: number
  /** Batches the store takes at once. */
  readonly lanes: number
  /** Its connector knows which records are undated, and leaves them. */
  readonly tellsUndated: boolean
  /** The identifier type people are known by. */
  canonical(): Promise<IdentifierType>
  /** Marker and gate. */
  restore(): Promise<RestoreSession>
  /** Erasing as the map in force describes the store. */
  session(mapVersion: number): Promise<Session>
  /** Erasing as an older version describes it, of what the copy still has; null when that is nothing. */
  olderSession(mapVersion: number): Promise<Session | null>
  currentVersion(): Promise<number>
  /** The version in force where it says the same of this system, else that version. Throws what `session` throws. */
  servedBy(mapVersion: number): Promise<number>
  probe(mapVersion: number): Promise<ProbeSession>
  /** Looking only where an older version says, as far as the copy has that; null when that is nothing. */
  olderProbe(mapVersion: number): Promise<ProbeSession | null>
  /** Forgets what it knows of the copy that answered before: tables may be others now. */
  reopen(): Promise<void>
  close(): Promise<void>
}

export function watchedSystem(systemId: string, connector: Connector, systems: Systems): WatchedSystem {
  return {
    systemId,
    batchMax: connector.capabilities.batch.max,
    bulkMax: connector.capabilities.bulk?.max ?? connector.capabilities.batch.max,
    lanes: Math.min(MOST_LANES, connector.capabilities.batch.concurrency ?? 1),
    tellsUndated: connector.capabilities.undated === true,
    canonical: () => systems.canonical(),
    restore: async () => systems.restore(await systems.currentVersion()),
    session: (version) => systems.session(version),
    olderSession: (version) => systems.sessionOfPresent(version),
    servedBy: (version) => systems.servedBy(version),
    olderProbe: (version) => systems.probeOfPresent(version),
    currentVersion: () => systems.currentVersion(),
    probe: (version) => systems.probe(version),
    reopen: () => systems.close(),
    close: () => systems.close(),
  }
}
