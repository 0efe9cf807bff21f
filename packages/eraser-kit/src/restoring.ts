import { PausedError } from '@lethe/service-host'
import type { Marker } from './connector.js'

/** Whether a gate stops everybody by the store's own means, or only tells those who ask. */
export type GateStrength = 'enforced' | 'advisory'

/** What came of shutting a gate. */
export interface Shut {
  readonly strength: GateStrength
  /** Sessions of others that were ended; they may have seen people who were erased. */
  readonly sessionsEnded: number
}

/**
 * Whoever can't be ended is still in the store, perhaps a tool that fills it. Nobody else gets in, and whoever could be
 * ended was: the gate is tried again.
 */
export class SessionsStayError extends PausedError {
  constructor(
    message: string,
    /** When the last session was gone that could be ended, epoch milliseconds of this process's clock. */
    readonly keptOutAt: number,
  ) {
    super('sessions_stay', message)
  }
}

/**
 * Who may use a store, decided in the store. Everything here is idempotent and writes nothing among the data: a
 * tool may still be filling the store.
 */
export interface Gate {
  /** Names of those who get in now, besides the replay role. Kept by the caller before `shut`, for `open`. */
  admitted(): Promise<string[]>
  /** From the answer on, nobody but the replay role reads or writes. Throws when that can't be said for sure. */
  shut(): Promise<Shut>
  /** Lets those in again that `admitted` had named; who is not known any more is left out. */
  open(admitted: readonly string[]): Promise<void>
  /** As the store itself says, not as anyone remembers. */
  state(): Promise<'open' | 'shut'>
  /**
   * The gate `lethe restore prepare` shut before the copy could be reached; null where the store can't say. Not there
   * where a store can't remember that.
   */
  prepared?(): Promise<PreparedState | null>
}

/** In the place of the restore a gate was shut for, where somebody wrote over it. */
export const LOST = 'lost'

/** What `lethe restore prepare` left in a store. */
export interface PreparedState {
  /** The restore it was shut for; null where the store does not know, and forgets at the next `shut` that it was shut. */
  readonly restoreId: string | null
  /** `first_start`: who answers behind this gate is the restored copy. `running`: it may not have come in yet. */
  readonly way: 'first_start' | 'running'
  readonly state: 'shut' | 'open'
}

/**
 * One store seen by the restore service, through its replay role: the only one that gets in while the gate is
 * shut. Erasing and probing are not here: they go through the connector's own sessions, as ever.
 */
export interface RestoreSession {
  /**
   * What stays equal while this very copy of the store lives and differs when another copy may answer. Null where the
   * store has no such thing. `<place>#<copy>#<run>` where it can tell more: the place is the server; another copy in the
   * same place was made by a restore (empty: not known); a run ends when the server does, and files may be put back then.
   */
  identity(): Promise<string | null>
  readonly marker: {
    read(): Promise<Marker>
    /** Writes `next` where `expected` stands (null: where there is none). False when something else stands there. */
    replace(expected: string | null, next: string): Promise<boolean>
  }
  readonly gate: Gate
  /** Makes what Lethe keeps in the store where this copy does not have it; only behind a shut gate. */
  prepare(): Promise<void>
  close(): Promise<void>
}
