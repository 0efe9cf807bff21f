import { randomUUID } from 'node:crypto'
import { type TopicName, topics, type wire } from '@lethe/schemas'
import { type Admin, Kafka } from 'kafkajs'
import { endpoints } from '../../../infra/src/endpoints.js'
import { kafkaOptions } from './client/kafkajs/options.js'
import type { KafkaClientName } from './client/port.js'
import { MessageCodec } from './codec.js'
import { type KafkaConfig, physicalGroup, physicalTopic } from './config.js'
import type { BatchHandler, Subscription } from './incoming.js'
import { MessageProducer } from './producer.js'
import { KafkaBatchStrategy } from './strategy.js'
import type { StrategyOptions, Tuning } from './strategy-options.js'
import { createTopics } from './topic-administration.js'

/** Topics, groups, a producer and consumers under one random prefix; `drop` removes all of it. */
export class KafkaHarness {
  readonly registryUrl = endpoints().registryUrl
  /** Looks from outside, whichever client is tested. */
  readonly admin: Admin
  private readonly strategies: KafkaBatchStrategy[] = []
  readonly producer: MessageProducer
  private constructor(
    readonly kafka: KafkaConfig,
    readonly codec: MessageCodec,
  ) {
    this.admin = new Kafka(kafkaOptions(kafka)).admin()
    this.producer = new MessageProducer({ kafka, codec })
  }

  static async create(client: KafkaClientName = 'kafkajs'): Promise<KafkaHarness> {
    const codec = await MessageCodec.connect(endpoints().registryUrl, { register: true })
    const topicPrefix = `spec-${randomUUID().slice(0, 8)}.`
    const kafka = { brokers: endpoints().brokers, clientId: 'messaging-spec', topicPrefix, client }
    const harness = new KafkaHarness(kafka, codec)
    await harness.admin.connect()
    await createTopics(harness.kafka)
    await harness.producer.connect()
    return harness
  }

  group(): string {
    return `group-${randomUUID().slice(0, 8)}`
  }

  /** A running consumer of one topic. */
  async consume<T>(
    group: string,
    subscription: Subscription,
    handler: BatchHandler<T>,
    more: Partial<StrategyOptions> = {},
  ): Promise<KafkaBatchStrategy> {
    const tuning: Tuning = {
      maxWaitMs: 50,
      heartbeatIntervalMs: 200,
      retryBackoffMs: { first: 20, longest: 100 },
      pauseBackoffMs: { first: 50, longest: 200 },
      shutdownMs: 5_000,
      ...more.tuning,
    }
    const strategy = new KafkaBatchStrategy({
      kafka: this.kafka,
      group,
      codec: this.codec,
      subscriptions: [subscription],
      onFatal: (error) => {
        throw error
      },
      ...more,
      tuning,
    }).handle(subscription.topic, handler)
    this.strategies.push(strategy)
    await new Promise<void>((resolve, reject) => {
      void strategy.listen((error) => (error ? reject(error) : resolve()))
    })
    return strategy
  }

  async drop(): Promise<void> {
    await Promise.all(this.strategies.map((strategy) => strategy.close()))
    await this.producer.disconnect()
    const prefix = this.kafka.topicPrefix ?? ''
    const mine = (await this.admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    if (mine.length > 0) await this.admin.deleteTopics({ topics: mine })
    const { groups } = await this.admin.listGroups()
    const ids = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(prefix))
    // A group with a member that was killed on purpose can not be deleted yet; it expires.
    await this.admin.deleteGroups(ids).catch(() => undefined)
    await this.admin.disconnect()
  }

  async committed(group: string, topic: TopicName): Promise<string[]> {
    const name = physicalTopic(this.kafka, topic)
    const groupId = physicalGroup(this.kafka, group)
    const [answer] = await this.admin.fetchOffsets({ groupId, topics: [name] })
    return (answer?.partitions ?? []).sort((a, b) => a.partition - b.partition).map(({ offset }) => offset)
  }

  /** Resolves when the group has committed everything of the topic. */
  async drained(group: string, topic: TopicName): Promise<void> {
    await until(async () => {
      const ends = await this.admin.fetchTopicOffsets(physicalTopic(this.kafka, topic))
      const committed = await this.committed(group, topic)
      return ends.every(({ partition, high }) => {
        const offset = Number(committed[partition] ?? -1)
        return high === '0' || offset === Number(high)
      })
    })
  }

  get topics(): TopicName[] {
    return Object.keys(topics) as TopicName[]
  }
}

/** Waits for a condition, at most 30 s. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`still not so after 30 s: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export function requested(requestId: string, systemId = 'shop-pg'): wire.ErasureRequested {
  return {
    requestId,
    tenantId: 'shop',
    subjectRef: `s-${requestId}`,
    mapVersion: 1,
    passes: [{ systemId, stepId: `${systemId}#1`, passId: `${systemId}#1/initial`, attempt: 1 }],
    requestedAt: 1_700_000_000_000,
  }
}
