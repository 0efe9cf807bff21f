import type { TopicName } from '@lethe/schemas'
import { Gauge, type Registry } from '@prometheus-io/client'
import { type Admin, Kafka } from 'kafkajs'
import { type KafkaConfig, kafkaOptions, physicalGroup, physicalTopic } from './config.js'

/** How far a group is behind in one partition. */
export interface PartitionLag {
  readonly group: string
  readonly topic: TopicName
  /** null when not even the partitions of the topic could be asked for. */
  readonly partition: number | null
  readonly end: string | null
  /** null when the group committed nothing yet. */
  readonly committed: string | null
  /** Messages; never below the true lag at the time of asking. */
  readonly lag: number | 'unknown'
}

/** Groups, by their logical names, and the topics each consumes. */
export type ConsumedTopics = Readonly<Record<string, readonly TopicName[]>>

/**
 * Asks for the committed offsets first and for the ends after them, so that what is consumed in
 * between can only make the answer too high. A group without a commit starts at the earliest record.
 * What could not be asked is `unknown`, never zero.
 */
export async function consumerLag(
  admin: Admin,
  kafka: Pick<KafkaConfig, 'topicPrefix'>,
  groups: ConsumedTopics,
): Promise<PartitionLag[]> {
  const result: PartitionLag[] = []
  for (const [group, consumed] of Object.entries(groups))
    for (const topic of consumed) result.push(...(await lagOf(admin, kafka, group, topic)))
  return result
}

async function lagOf(
  admin: Admin,
  kafka: Pick<KafkaConfig, 'topicPrefix'>,
  group: string,
  topic: TopicName,
): Promise<PartitionLag[]> {
  const name = physicalTopic(kafka, topic)
  const committed = await answered(
    admin.fetchOffsets({ groupId: physicalGroup(kafka, group), topics: [name] }),
  )
  const ends = await answered(admin.fetchTopicOffsets(name))
  if (!ends) return [{ group, topic, partition: null, end: null, committed: null, lag: 'unknown' }]
  const offsets = new Map(committed?.[0]?.partitions.map(({ partition, offset }) => [partition, offset]))
  return ends
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ partition, high, low }) => {
      const offset = offsets.get(partition)
      const known = offset !== undefined && BigInt(offset) >= 0n ? offset : null
      const lag = committed ? distance(high, known ?? low) : 'unknown'
      return { group, topic, partition, end: high, committed: known, lag }
    })
}

/** An offset beyond the end means that the topic was made anew: nothing is known then. */
function distance(end: string, from: string): number | 'unknown' {
  const lag = BigInt(end) - BigInt(from)
  return lag < 0n ? 'unknown' : Number(lag)
}

/** undefined when Kafka did not answer: the caller says "unknown". */
async function answered<T>(question: Promise<T>): Promise<T | undefined> {
  return question.catch(() => undefined)
}

/**
 * Gauges `lethe_messaging_lag` and `lethe_messaging_lag_unknown` (1 where the lag is not known; the
 * lag itself is then absent, not zero). Kafka is asked whenever the metrics are read.
 */
export function lagMetrics(
  registry: Registry,
  kafka: KafkaConfig,
  groups: ConsumedTopics,
  timeoutMs = 5_000,
): { close(): Promise<void> } {
  const labelNames = ['group', 'topic', 'partition']
  const source = new LagSource(kafka, groups, timeoutMs)
  new Gauge({
    name: 'lethe_messaging_lag_unknown',
    help: '1 where the lag could not be found out.',
    labelNames,
    registers: [registry],
    async collect() {
      const entries = await source.read()
      this.reset()
      for (const entry of entries) this.set(labelsOf(entry), entry.lag === 'unknown' ? 1 : 0)
    },
  })
  new Gauge({
    name: 'lethe_messaging_lag',
    help: 'Messages a group has not committed, never below the true number.',
    labelNames,
    registers: [registry],
    async collect() {
      const entries = await source.read()
      this.reset()
      for (const entry of entries) if (entry.lag !== 'unknown') this.set(labelsOf(entry), entry.lag)
    },
  })
  return source
}

function labelsOf({ group, topic, partition }: PartitionLag) {
  return { group, topic, partition: partition === null ? 'all' : String(partition) }
}

/** One admin connection, made when first needed and again after it failed. */
class LagSource {
  private admin: Promise<Admin> | null = null
  private reading: Promise<PartitionLag[]> | null = null
  constructor(
    private readonly kafka: KafkaConfig,
    private readonly groups: ConsumedTopics,
    private readonly timeoutMs: number,
  ) {}

  /** Readers at the same time share one answer. */
  read(): Promise<PartitionLag[]> {
    this.reading ??= this.readOnce().finally(() => {
      this.reading = null
    })
    return this.reading
  }

  private async readOnce(): Promise<PartitionLag[]> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<PartitionLag[]>((resolve) => {
      timer = setTimeout(() => resolve(this.nothingKnown()), this.timeoutMs)
    })
    try {
      return await Promise.race([this.ask(), late])
    } catch {
      this.admin = null
      return this.nothingKnown()
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    const admin = await answered(this.admin ?? Promise.reject(new Error('never connected')))
    this.admin = null
    await admin?.disconnect()
  }

  private async ask(): Promise<PartitionLag[]> {
    this.admin ??= this.connect()
    return consumerLag(await this.admin, this.kafka, this.groups)
  }

  private async connect(): Promise<Admin> {
    // Little patience: an answer that comes late is of no use to whoever reads the metrics.
    const options = { ...kafkaOptions(this.kafka), retry: { initialRetryTime: 100, retries: 1 } }
    const admin = new Kafka(options).admin()
    await admin.connect()
    return admin
  }

  private nothingKnown(): PartitionLag[] {
    return Object.entries(this.groups).flatMap(([group, consumed]) =>
      consumed.map((topic): PartitionLag => {
        return { group, topic, partition: null, end: null, committed: null, lag: 'unknown' }
      }),
    )
  }
}
