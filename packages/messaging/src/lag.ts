import type { TopicName } from '@lethe/schemas'
import type { AdminClient } from './client/port.js'
import { type KafkaConfig, physicalGroup, physicalTopic } from './config.js'

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
  admin: AdminClient,
  kafka: Pick<KafkaConfig, 'topicPrefix'>,
  groups: ConsumedTopics,
): Promise<PartitionLag[]> {
  const result: PartitionLag[] = []
  for (const [group, consumed] of Object.entries(groups))
    for (const topic of consumed) result.push(...(await lagOf(admin, kafka, group, topic)))
  return result
}

async function lagOf(
  admin: AdminClient,
  kafka: Pick<KafkaConfig, 'topicPrefix'>,
  group: string,
  topic: TopicName,
): Promise<PartitionLag[]> {
  const name = physicalTopic(kafka, topic)
  const committed = await answered(admin.committedOffsets(physicalGroup(kafka, group), [name]))
  const ends = await answered(admin.topicOffsets(name))
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
