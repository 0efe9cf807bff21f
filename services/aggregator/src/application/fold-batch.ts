import type { Incoming } from '@lethe/messaging'
import { type LogTransaction, type RequestLog, takeFresh } from '@lethe/request-log'
import { PausedError, spansAround, TerminalError } from '@lethe/service-host'
import type { PgOffsets } from '../adapters/pg-offsets.js'
import { type Proven, proven } from './read-message.js'

/** Consumer name of the inbox and the offsets. */
export const CONSUMER = 'aggregator'

export interface BatchPosition {
  readonly topic: string
  readonly partition: number
  /** Offset last confirmed, and the one this batch ends before. */
  readonly from: string
  readonly next: string
}

/**
 * Folds one batch of acknowledgements and probe reports in one transaction: inbox, events, read models,
 * outbox and the partition's offset. All of it commits or none: a batch with one bad message throws, and
 * the transport bisects it until that message stands alone.
 */
export class FoldBatch {
  constructor(
    private readonly log: RequestLog,
    private readonly offsets: PgOffsets,
    private readonly grantSecret: string,
    private readonly now: () => number = Date.now,
    /** Null when decisions may rest on the database. */
    private readonly blocked: () => Promise<string | null> = async () => null,
  ) {}

  /**
   * Idempotent: a message seen before changes nothing but the offset.
   *
   * @throws TerminalError for a forged, unknown or ungranted message
   * @throws OffsetConflict when another process has taken the partition over; nothing was written
   */
  async run(batch: readonly Incoming[], position: BatchPosition): Promise<void> {
    const messages = batch.map((incoming) => proven(incoming, this.grantSecret))
    await spansAround(
      'aggregator.fold',
      () => messages.map(({ requestId }, at) => ({ requestId, traceparent: batch[at]?.headers.traceparent })),
      () => this.fold(messages, position),
    )
  }

  private async fold(messages: readonly Proven[], position: BatchPosition): Promise<void> {
    const requestIds = [...new Set(messages.map(({ requestId }) => requestId))]
    await this.log.transact(requestIds, async (tx) => {
      // Inside, because its connection may be a new one, to another database than the last.
      if ((await this.blocked()) !== null)
        throw new PausedError('lethe_restored', "Lethe's own database was restored; folding waits.")
      await this.offsets.advanceIn(tx.client, position)
      const fresh = await takeFresh(
        tx.client,
        CONSUMER,
        messages.map(({ messageId }) => messageId),
      )
      const seen = new Set<string>()
      for (const message of messages) {
        if (!fresh.has(message.messageId) || seen.has(message.messageId)) continue
        seen.add(message.messageId)
        this.apply(tx, message)
      }
    })
    this.offsets.committed(position)
  }

  private apply(tx: LogTransaction, { requestId, command }: Proven): void {
    const decision = tx.apply(requestId, command, this.now())
    if (!decision.ok) throw new TerminalError(decision.code, decision.detail)
  }
}
