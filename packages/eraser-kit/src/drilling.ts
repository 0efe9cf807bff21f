import type { Identifier, OpenContext } from './connector.js'

/** What a drill of one store is given besides the store: `options` is of the role that backs up and plants. */
export interface DrillContext<Options, System> extends OpenContext<Options, System> {
  /** Names everything the drill makes, so that another process can clear it away. */
  readonly drillId: string
  /** A folder for this drill alone that exists, for the backup; nobody else reads it. */
  readonly folder: string
  /** Where a copy may be made that nobody uses, as its connector wants it written; undefined where nothing was configured. */
  readonly scratch: string | undefined
  /** Folders of the store's own tools, separated by colons, looked through before the system's. */
  readonly tools: string | undefined
  /** What to write into fields of the made-up person's record, where the drill can't know. */
  readonly values: Readonly<Record<string, string>>
}

/** A backup as it was made. */
export interface MadeBackup {
  /** When it was begun, epoch milliseconds. */
  readonly takenAt: number
  readonly bytes: number
  /** Hexadecimal. Of the file; where the store keeps its backups itself, of what it calls this one and its parts. */
  readonly sha256: string
}

/**
 * One store as a restore drill needs it. It touches nobody's records but those of a made-up person. Every method
 * throws `TerminalError` with what a person can do, never with what a tool printed: that quotes rows.
 */
export interface DrillSession {
  /** Whether all of it could be done, with the versions of everything in it. Changes nothing that stays. */
  check(tenantId: string): Promise<Readonly<Record<string, string>>>
  /**
   * Puts a made-up person into the store. `known` is awaited with their identifiers before they are there for others
   * to see, so that no crash leaves somebody nobody knows of. `same` are identifiers that another system gave them.
   */
  plant(
    tenantId: string,
    known: (identifiers: readonly Identifier[]) => Promise<void>,
    same?: readonly Identifier[],
  ): Promise<void>
  /** With the store's own tools, as its backups are made. */
  backUp(signal: AbortSignal): Promise<MadeBackup>
  /** Into a copy of its own; how it is reached, with rights to erase and to look. */
  restore(signal: AbortSignal): Promise<string>
  /** Records of that person in the copy, counted by a query that shares nothing with erasing and probing. */
  count(copy: string, identifiers: readonly Identifier[]): Promise<number>
  /** Takes away the copy, the backup and what is still running. Idempotent; also of a drill whose process is gone. */
  clear(): Promise<void>
  close(): Promise<void>
}
