import type { TopicName } from '@lethe/schemas'

/** Header values as text; a header whose value is null is absent. */
export type Headers = Readonly<Record<string, string>>

/** Where a record lies. `topic` is the logical name, without the deployment's prefix. */
export interface Origin {
  readonly topic: TopicName
  readonly partition: number
  /** Decimal text: Kafka's offsets are 64 bits wide. */
  readonly offset: string
}

/** One decoded message. `type` is the Avro record's name and the key of `wire`. */
export interface Incoming<T = unknown> extends Origin {
  readonly key: string | null
  readonly headers: Headers
  /** Epoch milliseconds the broker or producer stamped. */
  readonly timestamp: number
  readonly type: string
  readonly value: T
  /** The record's bytes as they were on the topic. */
  readonly raw: Buffer
}

/** What goes to the dead-letter topic. `type` and `value` are null when it could not be decoded. */
export interface Quarantined extends Omit<Incoming, 'type' | 'value' | 'raw'> {
  readonly type: string | null
  readonly value: unknown
  readonly raw: Buffer | null
}

/** What a handler says about one item; an array of them has the batch's length and order. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly error: Error }

/** What a handler may return: nothing when the whole batch succeeded, or one verdict per item. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing is the usual one.
export type HandlerResult = void | readonly Verdict[]

/** Handles one batch of one partition. Throwing makes the batch be bisected. */
export type BatchHandler<T = unknown> = (
  batch: readonly Incoming<T>[],
  context: BatchContext,
) => Promise<HandlerResult>

/** Beside the batch, what a handler may need. `@Ctx() context: BatchContext`. */
export class BatchContext {
  constructor(
    readonly group: string,
    readonly topic: TopicName,
    readonly partition: number,
    /**
     * `from` is the offset last confirmed, `next` the one to store together with the work of this
     * call: compare-and-set `from` → `next` in the same transaction. They are equal when an earlier
     * record of the partition still waits for a retry.
     */
    readonly position: { readonly from: string; readonly next: string },
    /** Aborted at shutdown's deadline and when this member lost its partitions. */
    readonly signal: AbortSignal,
    private readonly beat: () => Promise<void>,
  ) {}

  /** Tells the watchdog that a long batch is alive. Group heartbeats are sent anyway. */
  heartbeat(): Promise<void> {
    return this.beat()
  }
}

/** Offsets that live in the handler's own database. */
export interface ExternalOffsets {
  /** The next offset of each partition; a partition that is missing starts at Kafka's own offset. */
  load(topic: TopicName, partitions: readonly number[]): Promise<Map<number, string>>
  /**
   * Moves an offset without work: the records between were filtered out or dead-lettered.
   * Compare-and-set; throws OffsetsMovedError when the stored offset is not `from`.
   */
  advance(topic: TopicName, partition: number, from: string, next: string): Promise<void>
}

/** How one topic is consumed. */
export interface Subscription {
  readonly topic: TopicName
  /** `batch`: one call per chunk; `keyed`: one call per key's run, keys beside one another. */
  readonly mode: 'batch' | 'keyed'
  /** Runs before decoding; false skips the record. */
  readonly filter?: (headers: Headers) => boolean
  /** Most items per handler call; default 500. */
  readonly maxBatch?: number
  /** Handler calls at once per partition in `keyed` mode; default 8. */
  readonly concurrency?: number
  /** Attempts of one item before it is dead-lettered; default 5. */
  readonly maxAttempts?: number
  /** Awaited before the record goes to the dead-letter topic and before the offset moves. */
  readonly onDeadLetter?: (item: Quarantined, error: Error) => Promise<void>
  /** Only with mode `batch`. */
  readonly offsets?: ExternalOffsets
}
