/** An event not yet written. `data` is plain JSON; its types belong to the caller. */
export interface NewEvent {
  readonly type: string
  readonly data: unknown
}

/**
 * Where an event stands in the whole log. Opaque: only the store that gave it can compare it, and
 * `readAll` takes it back as `after`.
 */
export type Position = string

export interface StoredEvent extends NewEvent {
  readonly streamId: string
  /** 1 for the first event of a stream, then without gaps. */
  readonly version: number
  readonly position: Position
}

/** Events for one stream, decided on its `expectedVersion`; 0 means that the stream must not exist. */
export interface StreamAppend {
  readonly streamId: string
  readonly expectedVersion: number
  readonly events: readonly NewEvent[]
}

export interface AppendedStream {
  readonly streamId: string
  /** Version of the last event written. */
  readonly version: number
}

/** A state folded from the first `version` events of a stream. */
export interface Snapshot {
  readonly streamId: string
  readonly version: number
  /** Version of the fold that made it; readers with another fold ignore the snapshot. */
  readonly foldVersion: number
  readonly state: unknown
}

export interface AllPage {
  readonly events: readonly StoredEvent[]
  /** Give it back as `after`; equal to the given `after` when nothing new was there. */
  readonly next: Position | null
  /** True when nothing more was readable at that moment. */
  readonly end: boolean
}

/**
 * Streams of events with optimistic concurrency. Every adapter passes the suite of
 * `@lethe/event-store/contract`.
 */
export interface EventStore {
  /** False for stores that can write one stream at a time only; they refuse larger batches. */
  readonly atomicBatches: boolean

  /**
   * Writes all or nothing. Throws `VersionConflict` when any stream is not at its expected version,
   * and `TypeError` for a batch without events or with one stream twice.
   */
  append(batch: readonly StreamAppend[]): Promise<readonly AppendedStream[]>

  /** Events of one stream in order, those after `afterVersion` (default 0), at most `limit` of them. */
  readStream(
    streamId: string,
    options?: { afterVersion?: number; limit?: number },
  ): Promise<readonly StoredEvent[]>

  /**
   * The whole log in pages of at most `limit`. Order within a stream is kept. An event that is
   * committed later than one already returned always comes later, so a reader that goes on from
   * `next` misses nothing. What was just appended may be held back while older transactions of the
   * server are in flight.
   */
  readAll(options: { after?: Position | null; limit: number }): Promise<AllPage>

  /** Keeps the newest snapshot per stream; older ones are ignored. */
  saveSnapshots(snapshots: readonly Snapshot[]): Promise<void>

  /** The snapshots that exist among these streams and were made by `foldVersion`. */
  loadSnapshots(streamIds: readonly string[], foldVersion: number): Promise<ReadonlyMap<string, Snapshot>>

  close(): Promise<void>
}
