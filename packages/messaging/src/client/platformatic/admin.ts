import { type Admin, ListOffsetTimestamps } from '@platformatic/kafka'
import type { AdminClient, CommittedOffsets, NewTopic, PartitionOffsets } from '../port.js'
import { answers, asked, portError } from './errors.js'
import { grouped } from './grouped.js'

export class PlatformaticAdmin implements AdminClient {
  constructor(private readonly admin: Admin) {}

  listTopics(): Promise<string[]> {
    return asked(this.admin.listTopics({ includeInternals: true }))
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    // The library has one configuration per request.
    const alike = grouped(topics, ({ configEntries }) => JSON.stringify(configEntries ?? []))
    for (const group of alike.values()) await this.createAlike(group)
  }

  private async createAlike(topics: readonly NewTopic[]): Promise<void> {
    try {
      await this.admin.createTopics({
        topics: topics.map(({ topic, numPartitions = -1, replicationFactor = -1 }) => ({
          topic,
          partitions: numPartitions,
          replicas: replicationFactor,
        })),
        configs: [...(topics[0]?.configEntries ?? [])],
      })
    } catch (error) {
      // The others of the request were made all the same.
      const types = answers(error)
      if (types.length === 0 || types.some((type) => type !== 'TOPIC_ALREADY_EXISTS'))
        return asked(Promise.reject(error))
    }
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    if (topics.length > 0) await asked(this.admin.deleteTopics({ topics: [...topics] }))
  }

  async haveLeaders(topics: readonly string[]): Promise<boolean> {
    // The library hides which topic is not known; asked for all of them it says what there is.
    const listed = new Set(await this.listTopics())
    if (!topics.every((topic) => listed.has(topic))) return false
    const metadata = await this.admin
      .metadata({ topics: [...topics], forceUpdate: true, retries: 0 })
      .catch((error: Error & { code?: string }) => {
        const passing = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE']
        if (error.code === 'PLT_KFK_USER' || answers(error).some((type) => passing.includes(type)))
          return null
        throw portError(error)
      })
    if (!metadata) return false
    return topics.every((topic) => {
      const partitions = metadata.topics.get(topic)?.partitions ?? []
      return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)
    })
  }

  async topicOffsets(topic: string): Promise<PartitionOffsets[]> {
    const metadata = await asked(this.admin.metadata({ topics: [topic], forceUpdate: true }))
    const count = metadata.topics.get(topic)?.partitionsCount ?? 0
    const low = await this.offsetsAt(topic, count, ListOffsetTimestamps.EARLIEST)
    const high = await this.offsetsAt(topic, count, ListOffsetTimestamps.LATEST)
    return [...high].map(([partition, end]) => ({
      partition,
      low: String(low.get(partition) ?? end),
      high: String(end),
    }))
  }

  private async offsetsAt(topic: string, count: number, timestamp: bigint): Promise<Map<number, bigint>> {
    const partitions = Array.from({ length: count }, (_, partitionIndex) => ({ partitionIndex, timestamp }))
    const answer = await asked(this.admin.listOffsets({ topics: [{ name: topic, partitions }] }))
    return new Map(
      answer.flatMap((one) => one.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset])),
    )
  }

  async listGroups(): Promise<string[]> {
    return [...(await asked(this.admin.listGroups())).keys()]
  }

  /** From the list of groups: the library's description of one reads every member as a consumer of topics. */
  async groupStates(groups: readonly string[]): Promise<Map<string, string>> {
    const known = await asked(this.admin.listGroups())
    return new Map(groups.map((group) => [group, known.get(group)?.state ?? 'Dead']))
  }

  async committedOffsets(group: string, topics?: readonly string[]): Promise<CommittedOffsets[]> {
    const answer = await asked(this.admin.listConsumerGroupOffsets({ groups: [group] }))
    return (answer.find(({ groupId }) => groupId === group)?.topics ?? [])
      .filter(({ name }) => topics?.includes(name) ?? true)
      .map(({ name, partitions }) => ({
        topic: name,
        partitions: partitions.map(({ partitionIndex, committedOffset }) => ({
          partition: partitionIndex,
          offset: String(committedOffset),
        })),
      }))
  }

  async deleteGroups(groups: readonly string[]): Promise<void> {
    if (groups.length > 0) await asked(this.admin.deleteGroups({ groups: [...groups] }))
  }

  async close(): Promise<void> {
    await asked(this.admin.close())
  }
}
