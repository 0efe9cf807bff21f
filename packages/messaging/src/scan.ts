import { randomUUID } from 'node:crypto'
import { RetryableError } from '@lethe/service-host'
import { kafkaClient } from './client/open.js'
import type { ConsumerClient, Delivery, KafkaRecord } from './client/port.js'
import type { KafkaConfig } from './config.js'
import { withAdmin } from './topic-administration.js'

/** A scan that gets no further for this long is given up. */
const IDLE_MS = 30_000
/** Short waits: whoever scans asked for it just now. */
const READING = {
  sessionTimeoutMs: 30_000,
  rebalanceTimeoutMs: 60_000,
  heartbeatIntervalMs: 3_000,
  maxWaitMs: 100,
  minBytes: 1,
  maxBytesPerPartition: 1_048_576,
  partitionsAtOnce: 1,
  stallMs: 30_000,
  shutdownMs: 5_000,
}

/** What a scan wants of one partition: everything in [from, to), or only these offsets, ascending. */
export interface Wanted {
  readonly from: bigint
  readonly to: bigint
  readonly only?: readonly bigint[]
}

/** The present bounds of a topic's partitions: first record kept, and the offset after the last one. */
export async function bounds(
  kafka: KafkaConfig,
  topic: string,
): Promise<Map<number, { low: bigint; high: bigint }>> {
  const answer = await withAdmin(kafka, (admin) => admin.topicOffsets(topic))
  return new Map(
    answer.map(({ partition, low, high }) => [partition, { low: BigInt(low), high: BigInt(high) }]),
  )
}

/**
 * Reads parts of one topic and leaves no trace: the group it needs is deleted again. `topic` is the
 * physical name. Throws RetryableError `scan_stalled` when Kafka stops answering.
 */
export async function scan(
  kafka: KafkaConfig,
  topic: string,
  wanted: ReadonlyMap<number, Wanted>,
  visit: (partition: number, message: KafkaRecord) => void | Promise<void>,
): Promise<void> {
  const open = new Map([...wanted].filter(([, { from, to }]) => from < to))
  if (open.size === 0) return
  const group = `lethe.scan.${randomUUID()}`
  const consumer = (await kafkaClient(kafka)).consumer({ ...READING, group })
  try {
    await runThrough(consumer, topic, open, visit)
  } finally {
    await consumer.close()
    // One that could not be deleted is empty and expires by itself.
    await withAdmin(kafka, (admin) => admin.deleteGroups([group])).catch(() => undefined)
  }
}

async function runThrough(
  consumer: ConsumerClient,
  topic: string,
  open: Map<number, Wanted>,
  visit: (partition: number, message: KafkaRecord) => void | Promise<void>,
): Promise<void> {
  let idleSince = Date.now()
  const crash: { error?: Error } = {}
  const seek = (partition: number, offset: bigint) =>
    consumer.seek({ topic, partition, offset: String(offset) })
  const read = async (delivery: Delivery) => {
    const { batch } = delivery
    const next = BigInt(batch.lastOffset()) + 1n
    delivery.resolveOffset(batch.lastOffset())
    const want = open.get(batch.partition)
    if (!want) return
    idleSince = Date.now()
    for (const message of batch.messages)
      if (isWanted(want, BigInt(message.offset))) await visit(batch.partition, message)
    idleSince = Date.now()
    const rest = remaining(want, next)
    if (!rest) open.delete(batch.partition)
    else {
      open.set(batch.partition, rest)
      if (rest.from > next) seek(batch.partition, rest.from)
    }
  }
  await consumer.start([topic], {
    joined: () => undefined,
    fetched: () => undefined,
    crashed: (error) => {
      crash.error = error
    },
    batch: read,
  })
  for (const [partition, { from }] of open) seek(partition, from)
  while (open.size > 0) {
    if (crash.error || Date.now() - idleSince > IDLE_MS)
      throw new RetryableError('scan_stalled', `${topic} was not read to its end`, { cause: crash.error })
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function isWanted({ from, to, only }: Wanted, offset: bigint): boolean {
  return offset >= from && offset < to && (!only || only.includes(offset))
}

/** What is left once everything below `next` was seen; null when nothing is. */
function remaining(want: Wanted, next: bigint): Wanted | null {
  // A batch that was under way before the seek took effect says nothing about what is wanted.
  if (next <= want.from) return want
  const only = want.only?.filter((offset) => offset >= next)
  const from = only ? (only[0] ?? want.to) : next
  return from >= want.to ? null : { from, to: want.to, ...(only ? { only } : {}) }
}
