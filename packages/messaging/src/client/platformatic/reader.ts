import { ConnectionPool, FetchIsolationLevels, type fetchV17 } from '@platformatic/kafka'
import type { KafkaConfig } from '../../config.js'
import type { ConsumerClientOptions } from '../port.js'
import { answers, asked, portError } from './errors.js'
import { grouped } from './grouped.js'
import type { Membership } from './membership.js'
import { connectionOptions } from './options.js'
import { PlatformaticBatch } from './records.js'

/** Bytes of one fetch, over all partitions. */
const MAX_BYTES = 10_485_760

/** A partition to read, and from where. */
export interface Wanted {
  readonly topic: string
  readonly partition: number
  readonly position: bigint
}

/** What became of one wanted partition; `batch` is null when there was nothing. */
export interface Got<W extends Wanted> {
  readonly wanted: W
  readonly from: bigint
  readonly batch: PlatformaticBatch | null
  /** The position lies outside the log: read from here instead. */
  readonly moveTo?: bigint
}

/** Fetches over a connection of its own, one request per broker at a time. */
export class Reader {
  private readonly pool: ConnectionPool
  private readonly busy = new Set<number>()

  constructor(
    config: KafkaConfig,
    private readonly options: ConsumerClientOptions,
    private readonly membership: Membership,
  ) {
    this.pool = new ConnectionPool(config.clientId, connectionOptions(config))
  }

  /** Starts a fetch at every broker that leads a wanted partition and has none under way. */
  async start<W extends Wanted>(wanted: readonly W[], done: (got: Promise<Got<W>[]>) => void): Promise<void> {
    const topics = [...new Set(wanted.map(({ topic }) => topic))]
    const metadata = await this.membership.metadata(topics)
    const led = grouped(wanted, (one) => metadata.topics.get(one.topic)?.partitions[one.partition]?.leader)
    for (const [node, partitions] of led) {
      if (node === undefined || node < 0) {
        this.membership.consumer.clearMetadata()
        throw portError(new Error('a partition has no leader'))
      }
      if (this.busy.has(node)) continue
      this.busy.add(node)
      const ids = new Map(topics.map((topic) => [topic, metadata.topics.get(topic)?.id ?? '']))
      done(this.fetch(node, partitions, ids).finally(() => this.busy.delete(node)))
    }
  }

  async close(): Promise<void> {
    await asked(this.pool.close())
  }

  private async fetch<W extends Wanted>(
    node: number,
    wanted: readonly W[],
    ids: ReadonlyMap<string, string>,
  ): Promise<Got<W>[]> {
    const asking = wanted.map((one) => ({ one, from: one.position }))
    const byTopic = grouped(asking, ({ one }) => ids.get(one.topic) ?? '')
    const topics = [...byTopic].map(([topicId, partitions]) => ({
      topicId,
      partitions: partitions.map(({ one, from }) => ({
        partition: one.partition,
        fetchOffset: from,
        partitionMaxBytes: this.options.maxBytesPerPartition,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
      })),
    }))
    const request = {
      node,
      topics,
      maxWaitTime: this.options.maxWaitMs,
      minBytes: this.options.minBytes,
      maxBytes: MAX_BYTES,
      isolationLevel: FetchIsolationLevels.READ_COMMITTED,
      connectionPool: this.pool,
    }
    const answered = await this.membership.consumer.fetch(request).catch((error: unknown) => outside(error))
    const found = new Map(
      answered.responses.flatMap(({ topicId, partitions }) =>
        partitions.map((partition) => [`${topicId}/${partition.partitionIndex}`, partition] as const),
      ),
    )
    return Promise.all(
      asking.map(async ({ one, from }) => {
        const answer = found.get(`${ids.get(one.topic)}/${one.partition}`)
        if (answer?.errorCode === OFFSET_OUT_OF_RANGE) {
          const kept = answer.logStartOffset
          const moveTo =
            kept >= 0n ? kept : ((await this.membership.earliest(one.topic))[one.partition] ?? 0n)
          return { wanted: one, from, batch: null, moveTo }
        }
        const batch = PlatformaticBatch.read(one.topic, one.partition, from, answer?.records ?? [])
        return { wanted: one, from, batch }
      }),
    )
  }
}

const OFFSET_OUT_OF_RANGE = 1

/** The library makes one partition's answer an error of them all; a position outside the log is none here. */
function outside(error: unknown): fetchV17.FetchResponse {
  const { response } = error as { response?: fetchV17.FetchResponse }
  const only = answers(error)
  if (response?.responses && only.length > 0 && only.every((type) => type === 'OFFSET_OUT_OF_RANGE'))
    return response
  throw portError(error)
}
