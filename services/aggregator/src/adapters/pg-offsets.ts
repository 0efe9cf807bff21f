import { isUnavailable } from '@lethe/event-store'
import { type ExternalOffsets, OffsetsMovedError } from '@lethe/messaging'
import { advanceOffset, loadOffsets, OffsetConflict, type Queryable } from '@lethe/request-log'
import type { TopicName } from '@lethe/schemas'
import { PausedError } from '@lethe/service-host'
import type { Pool } from 'pg'
import { type BatchPosition, CONSUMER } from '../application/fold-batch.js'

/**
 * The aggregator's offsets, in the database its folds commit to. A partition that has no row yet starts
 * where Kafka says; its first advance inserts the row, which only one process can do.
 */
export class PgOffsets implements ExternalOffsets {
  private readonly unread = new Set<string>()

  constructor(private readonly pool: Pool) {}

  async load(topic: TopicName, partitions: readonly number[]): Promise<Map<number, string>> {
    const stored = await loadOffsets(this.pool, CONSUMER, topic, partitions)
    for (const partition of partitions) {
      if (stored.has(partition)) this.unread.delete(name(topic, partition))
      else this.unread.add(name(topic, partition))
    }
    return new Map([...stored].map(([partition, offset]) => [partition, String(offset)]))
  }

  async advance(topic: TopicName, partition: number, from: string, next: string): Promise<void> {
    const position = { topic, partition, from, next }
    try {
      await this.advanceIn(this.pool, position)
      this.committed(position)
    } catch (error) {
      throw moved(error)
    }
  }

  /**
   * Compare-and-set inside the caller's transaction. While an earlier record waits for its retry `next` is
   * `from`: nothing moves then, but it is compared all the same, and the row stays locked until the commit,
   * so that a member that was replaced folds nothing.
   *
   * @throws OffsetConflict when another process has moved the offset
   */
  async advanceIn(client: Queryable, position: BatchPosition): Promise<void> {
    const { topic, partition } = position
    const expected = this.unread.has(name(topic, partition)) ? null : Number(position.from)
    await advanceOffset(client, CONSUMER, { topic, partition, nextOffset: Number(position.next) }, expected)
  }

  /** Say so only after the commit: a partition's row is there from now on. */
  committed({ topic, partition }: Pick<BatchPosition, 'topic' | 'partition'>): void {
    this.unread.delete(name(topic, partition))
  }
}

/**
 * The transport's words: after a conflict, drop what is in flight and read the offsets again; while the
 * database is away, wait and spend no attempt, or good acknowledgements would become dead letters.
 */
export function moved(error: unknown): unknown {
  if (error instanceof OffsetConflict) return new OffsetsMovedError(error.message, { cause: error })
  if (!isUnavailable(error)) return error
  return new PausedError('database_unavailable', 'The database can not be used; folding waits.', {
    cause: error,
  })
}

const name = (topic: string, partition: number): string => `${topic}/${partition}`
