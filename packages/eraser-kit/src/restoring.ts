import type { Marker, Session } from './connector.js'

/** Whether a gate stops everybody by the store's own means, or only tells those who ask. */
export type GateStrength = 'enforced' | 'advisory'

/** What came of shutting a gate. */
export interface Shut {
  readonly strength: GateStrength
  /** Sessions of others that were ended; they may have seen people who were erased. */
  readonly sessionsEnded: number
}

/**
 * Who may use a store, decided in the store. Everything here is idempotent, and what it did is kept in the
 * store or beside it, so that another process can undo it after a crash.
 */
export interface Gate {
  /** From the answer on, nobody but the replay role reads or writes. Throws when that can't be said for sure. */
  shut(): Promise<Shut>
  /** Gives everybody back exactly the rights that `shut` took. */
  open(): Promise<void>
  /** As the store itself says, not as anyone remembers. */
  state(): Promise<'open' | 'shut'>
}

/**
 * One store seen by the restore service, through its replay role: the only one that gets in while the gate is
 * shut. Erasing and probing go through the same code as ever.
 */
export interface RestoreSession {
  /**
   * What stays equal while this very copy of the store lives and differs when another copy answers
   * (PostgreSQL: system identifier and timeline). Null where the store has no such thing.
   */
  identity(): Promise<string | null>
  readonly marker: {
    read(): Promise<Marker>
    /** Writes `next` where `expected` stands (null: where there is none). False when something else stands there. */
    replace(expected: string | null, next: string): Promise<boolean>
  }
  readonly gate: Gate
  /** Erases as ever; its receipts carry the restore's pass ids. */
  readonly session: Session
  close(): Promise<void>
}
