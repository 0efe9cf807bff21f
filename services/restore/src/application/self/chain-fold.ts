import type { BatchContext } from '@lethe/messaging'
import { type ExternalOffsets, type HandlerResult, type Incoming, OffsetsMovedError } from '@lethe/messaging'
import {
  appendToChain,
  type ChainLink,
  contentOf,
  inTransaction,
  OffsetConflict,
  type SelfWatch,
} from '@lethe/request-log'
import type { TopicName, wire } from '@lethe/schemas'
import { type Logger, PausedError } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { SelfStore } from '../../adapters/self-store.js'
import { chainRecords, service } from '../metrics.js'

export type TombstoneRecord = Incoming<wire.ErasureTombstone>

/** What is published was committed, but a reader may be faster than the commit becomes visible. Milliseconds. */
const GRACE_MS = 3_000

export interface ChainFoldParts {
  readonly pool: Pool
  readonly store: SelfStore
  readonly watch: SelfWatch
  readonly secret: string
  readonly logger: Logger
  readonly now?: () => number
  readonly graceMs?: number
}

/**
 * Folds `erasure.tombstones` into the chain, its offsets with it. Nothing is decided from a database that does not
 * have what was published: then it is an older copy of itself. Never an attempt is spent: everything waits.
 */
export class ChainFold implements ExternalOffsets {
  private readonly now: () => number
  private readonly unknownSince = new Map<number, number>()

  constructor(private readonly parts: ChainFoldParts) {
    this.now = parts.now ?? Date.now
  }

  async handle(
    batch: readonly TombstoneRecord[],
    { partition, position }: BatchContext,
  ): Promise<HandlerResult> {
    const { pool, store, watch, secret } = this.parts
    if ((await watch.blocked()) !== null)
      throw new PausedError('lethe_restored', "Lethe's own database was restored; the chain waits.")
    const links = batch.map(linkOf)
    const [from, next] = [Number(position.from), Number(position.next)]
    try {
      const unknown = await store.unknown(pool, links, this.now())
      if (unknown.length > 0) return await this.ahead(partition, unknown.length)
      this.unknownSince.delete(partition)
      const head = await inTransaction(pool, (client) =>
        appendToChain(client, secret, { partition, from, next }, links, this.now()),
      )
      chainRecords.set({ partition: String(partition), service }, head.records)
    } catch (error) {
      if (error instanceof PausedError) throw error
      if (error instanceof OffsetConflict) throw new OffsetsMovedError(error.message, { cause: error })
      throw new PausedError('chain_waits', 'The chain of tombstones can not be written now.', {
        cause: error,
      })
    }
  }

  /** From the start of the topic where the database has nothing: what Kafka remembers may be of another past. */
  async load(_topic: TopicName, partitions: readonly number[]): Promise<Map<number, string>> {
    const known = await this.parts.store.offsets()
    return new Map(partitions.map((partition) => [partition, String(known.get(partition) ?? 0)]))
  }

  async advance(_topic: TopicName, partition: number, from: string, next: string): Promise<void> {
    if (!(await this.parts.store.moveOffset(partition, Number(from), Number(next))))
      throw new OffsetsMovedError(`the chain of partition ${partition} is no longer at ${from}`)
  }

  private async ahead(partition: number, count: number): Promise<never> {
    const { store, watch, logger, graceMs = GRACE_MS } = this.parts
    const since = this.unknownSince.get(partition) ?? this.now()
    this.unknownSince.set(partition, since)
    if (this.now() - since >= graceMs) {
      logger.error(
        { partition, tombstones: count },
        "the topic has tombstones this database does not: Lethe's own database was restored",
      )
      await store.suspect('topic_ahead')
      watch.suspect()
    }
    throw new PausedError('topic_ahead', 'The topic has tombstones this database does not.')
  }
}

export function linkOf({ partition, offset, value }: TombstoneRecord): ChainLink & { expiresAt: number } {
  const { tombstoneId, heldUntil } = value
  const tombstone = {
    ...value,
    sequence: Number(value.sequence),
    effectiveAt: Number(value.effectiveAt),
    expiresAt: Number(value.expiresAt),
    heldUntil: heldUntil === null ? null : Number(heldUntil),
  }
  return {
    partition,
    offset: Number(offset),
    tombstoneId,
    sequence: tombstone.sequence,
    content: contentOf(tombstone),
    collected: value.sealedSelectors === null,
    expiresAt: tombstone.expiresAt,
  }
}
