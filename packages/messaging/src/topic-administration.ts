import { type TopicDefinition, type TopicName, topics } from '@lethe/schemas'
import { RetryableError } from '@lethe/service-host'
import type { Logger } from 'pino'
import { kafkaClient } from './client/open.js'
import type { AdminClient, NewTopic } from './client/port.js'
import { deadLetterTopic, type KafkaConfig, physicalTopic } from './config.js'

/** Dead letters are kept this long. */
const DEAD_LETTERS_MS = 30 * 86_400_000
/** New topics have leaders after this long, or something is wrong. */
const LEADERS_MS = 15_000

export interface CreateTopicsOptions {
  /** Groups and the topics they consume: each pair gets its dead-letter topic. */
  readonly groups?: Readonly<Record<string, readonly TopicName[]>>
  /** Copies of each partition; default the broker's. */
  readonly replicationFactor?: number
}

/**
 * Creates every topic of the design, and the groups' dead-letter topics, in one request. Idempotent:
 * a topic that exists is left as it is. Returns the names it created.
 */
export async function createTopics(kafka: KafkaConfig, options: CreateTopicsOptions = {}): Promise<string[]> {
  const own = Object.entries(topics).map(([name, definition]) => topicConfig(kafka, name, definition))
  const dead = Object.entries(options.groups ?? {}).flatMap(([group, consumed]) =>
    consumed.map((topic) => deadLetterConfig(kafka, topic, group)),
  )
  const wanted = [...own, ...dead].map((topic) => ({
    ...topic,
    ...(options.replicationFactor ? { replicationFactor: options.replicationFactor } : {}),
  }))
  return withAdmin(kafka, (admin) => createMissing(admin, wanted))
}

/**
 * Creates what a group needs to quarantine. Without the right to create topics the service starts
 * all the same: an administrator may have created them.
 */
export async function createDeadLetterTopics(
  kafka: KafkaConfig,
  group: string,
  consumed: readonly TopicName[],
  logger?: Logger,
): Promise<void> {
  const wanted = consumed.map((topic) => deadLetterConfig(kafka, topic, group))
  try {
    await withAdmin(kafka, (admin) => createMissing(admin, wanted))
  } catch (error) {
    logger?.warn(
      { group, error: error instanceof Error ? error.name : 'unknown' },
      'the dead-letter topics could not be created',
    )
  }
}

/** Runs `work` with a connected admin client and disconnects it. */
export async function withAdmin<T>(kafka: KafkaConfig, work: (admin: AdminClient) => Promise<T>): Promise<T> {
  const admin = await (await kafkaClient(kafka)).admin()
  try {
    return await work(admin)
  } finally {
    await admin.close()
  }
}

/** Creates those topics that do not exist and waits for their leaders. Returns the names it created. */
export async function createMissing(admin: AdminClient, wanted: readonly NewTopic[]): Promise<string[]> {
  const existing = new Set(await admin.listTopics())
  const missing = wanted.filter(({ topic }) => !existing.has(topic))
  const names = missing.map(({ topic }) => topic)
  if (names.length === 0) return names
  await admin.createTopics(missing)
  await waitForLeaders(admin, names)
  return names
}

async function waitForLeaders(admin: AdminClient, names: string[]): Promise<void> {
  const deadline = Date.now() + LEADERS_MS
  for (;;) {
    if (await admin.haveLeaders(names)) return
    if (Date.now() > deadline)
      throw new RetryableError('topics_not_ready', `no leader for ${names.length} new topics`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function topicConfig(kafka: KafkaConfig, name: string, definition: TopicDefinition): NewTopic {
  const { cleanup, retentionMs, partitions } = definition
  return {
    topic: physicalTopic(kafka, name),
    numPartitions: partitions,
    configEntries: [
      { name: 'cleanup.policy', value: cleanup },
      { name: 'retention.ms', value: String(retentionMs) },
    ],
  }
}

function deadLetterConfig(kafka: KafkaConfig, topic: TopicName, group: string): NewTopic {
  return {
    topic: physicalTopic(kafka, deadLetterTopic(topic, group)),
    numPartitions: 1,
    configEntries: [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: String(DEAD_LETTERS_MS) },
    ],
  }
}
