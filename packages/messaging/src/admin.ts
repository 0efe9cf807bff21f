import { setTimeout as delay } from 'node:timers/promises'
import { RetryableError } from '@lethe/service-host'
import { type Admin, Kafka, type KafkaJSProtocolError } from 'kafkajs'
import { type KafkaConfig, kafkaOptions, physicalTopic } from './config.js'

/** How a topic should be made; names are without the deployment's prefix. */
export interface TopicSetting {
  readonly name: string
  readonly partitions: number
  /** Topic configuration by Kafka's names, e.g. `retention.ms`. */
  readonly config: Readonly<Record<string, string>>
}

/** How far one consumer group is behind in one topic. */
export interface GroupLag {
  readonly group: string
  readonly topic: string
  /** Kafka's state of the group, e.g. `Stable` or `Empty`; a consumer runs only in `Stable`. */
  readonly state: string
  /** Records not yet confirmed; a partition never confirmed counts whole, as consumers start at earliest. */
  readonly lag: number
}

const LEADERS_WITHIN_MS = 20_000

/** The few administrative calls that set-up and status need. Close it after use. */
export class KafkaAdmin {
  private constructor(
    private readonly admin: Admin,
    private readonly config: KafkaConfig,
  ) {}

  static async open(config: KafkaConfig): Promise<KafkaAdmin> {
    const admin = new Kafka(kafkaOptions(config)).admin()
    await admin.connect()
    return new KafkaAdmin(admin, config)
  }

  /** Creates the topics that are missing, in one call. Idempotent; settings of existing ones are not changed. */
  async ensureTopics(wanted: readonly TopicSetting[]): Promise<void> {
    const existing = new Set(await this.admin.listTopics())
    const missing = wanted.filter(({ name }) => !existing.has(physicalTopic(this.config, name)))
    if (missing.length === 0) return
    const topics = missing.map(({ name, partitions, config }) => ({
      topic: physicalTopic(this.config, name),
      numPartitions: partitions,
      configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
    }))
    try {
      // kafkajs' own wait for leaders fails when the broker has not heard of the new topic yet.
      await this.admin.createTopics({ topics, waitForLeaders: false })
    } catch (error) {
      // Another process was faster; what it made is what we wanted.
      if ((error as KafkaJSProtocolError).type !== 'TOPIC_ALREADY_EXISTS') throw error
    }
    await this.untilLed(topics.map(({ topic }) => topic))
  }

  /** A topic can be written to once each of its partitions has a leader. Rejects after 20 s. */
  private async untilLed(topics: string[]): Promise<void> {
    const end = Date.now() + LEADERS_WITHIN_MS
    while (!(await this.led(topics))) {
      if (Date.now() > end) throw new RetryableError('kafka_unavailable', 'the new topics have no leaders')
      await delay(100)
    }
  }

  private async led(topics: string[]): Promise<boolean> {
    const known = new Set(await this.admin.listTopics())
    if (!topics.every((topic) => known.has(topic))) return false
    const metadata = await this.admin.fetchTopicMetadata({ topics })
    return metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))
  }

  /** Every topic's name and number of records that can still be read, Kafka's internal topics left out. */
  async topics(): Promise<{ topic: string; partitions: number; records: number }[]> {
    const names = (await this.admin.listTopics()).filter((name) => !name.startsWith('__')).sort()
    return Promise.all(
      names.map(async (topic) => {
        const offsets = await this.admin.fetchTopicOffsets(topic)
        const records = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
        return { topic, partitions: offsets.length, records }
      }),
    )
  }

  /** Lag of every group in every topic it has confirmed offsets for. Never lower than the true lag. */
  async lags(): Promise<GroupLag[]> {
    const groups = (await this.admin.listGroups()).groups.map(({ groupId }) => groupId).sort()
    const { groups: described } = await this.admin.describeGroups(groups)
    const states = new Map(described.map(({ groupId, state }) => [groupId, state]))
    const lags = await Promise.all(groups.map((group) => this.lagsOf(group, states.get(group) ?? 'unknown')))
    return lags.flat()
  }

  private async lagsOf(group: string, state: string): Promise<GroupLag[]> {
    const confirmed = await this.admin.fetchOffsets({ groupId: group })
    return Promise.all(
      confirmed.map(async ({ topic, partitions }) => {
        // The end is asked after the confirmed offsets: it may only be too high.
        const ends = await this.admin.fetchTopicOffsets(topic)
        const lag = ends.reduce((sum, { partition, high, low }) => {
          const at = Number(partitions.find((known) => known.partition === partition)?.offset ?? -1)
          return sum + Math.max(0, Number(high) - Math.max(at, Number(low)))
        }, 0)
        return { group, topic, state, lag }
      }),
    )
  }

  async close(): Promise<void> {
    await this.admin.disconnect()
  }
}
