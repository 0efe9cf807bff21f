import type { TopicName } from '@lethe/schemas'
import type { MessageCodec } from './codec.js'
import { type KafkaConfig, physicalTopic } from './config.js'
import { readHeaders } from './headers.js'
import type { Incoming } from './incoming.js'
import { bounds, scan, type Wanted } from './scan.js'

export interface ReadTopicOptions {
  /** The first offset wanted of each partition; the first record kept where none is named. */
  readonly from?: ReadonlyMap<number, number>
  /** Records per page; default 500. */
  readonly page?: number
}

/** What was read of a partition, and the offset after the last record it had when the reading began. */
export type ReadTo = ReadonlyMap<
  number,
  { readonly records: number; readonly unreadable: number; readonly end: number }
>

/**
 * Reads a topic once, from where it is told to the ends there were when it began, and leaves no trace at the broker.
 * Pages of one partition come in order and one at a time, so memory is bounded by a page. What can not be decoded
 * is counted and left out. Throws what `visit` throws, and RetryableError `scan_stalled` when Kafka stops answering.
 */
export async function readTopic(
  kafka: KafkaConfig,
  codec: MessageCodec,
  topic: TopicName,
  visit: (partition: number, page: readonly Incoming[]) => Promise<void>,
  { from, page: size = 500 }: ReadTopicOptions = {},
): Promise<ReadTo> {
  const physical = physicalTopic(kafka, topic)
  const ends = await bounds(kafka, physical)
  const wanted = new Map<number, Wanted>()
  const pages = new Map<number, Incoming[]>()
  const read = new Map<number, { records: number; unreadable: number; end: number }>()
  for (const [partition, { low, high }] of ends) {
    const first = BigInt(from?.get(partition) ?? 0)
    wanted.set(partition, { from: first > low ? first : low, to: high })
    pages.set(partition, [])
    read.set(partition, { records: 0, unreadable: 0, end: Number(high) })
  }
  const failed: { error?: unknown } = {}
  const flush = async (partition: number) => {
    const page = pages.get(partition) ?? []
    pages.set(partition, [])
    if (page.length > 0) await visit(partition, page)
  }
  const take = async (partition: number, record: Parameters<Parameters<typeof scan>[3]>[1]) => {
    const counts = read.get(partition)
    if (counts === undefined || failed.error !== undefined) return
    const decoded = await codec.decode(record.value).catch(() => null)
    if (decoded === null) {
      counts.unreadable += 1
      return
    }
    counts.records += 1
    const page = pages.get(partition) as Incoming[]
    page.push({
      topic,
      partition,
      offset: record.offset,
      key: record.key?.toString('utf8') ?? null,
      headers: readHeaders(record.headers),
      timestamp: Number(record.timestamp),
      type: decoded.type,
      value: decoded.value,
      raw: record.value as Buffer,
    })
    if (page.length >= size)
      await flush(partition).catch((error: unknown) => {
        failed.error = error
      })
  }
  await scan(kafka, physical, wanted, take)
  if (failed.error !== undefined) throw failed.error
  for (const partition of pages.keys()) await flush(partition)
  return read
}
