import { type Admin, AssignerProtocol } from 'kafkajs'
import type { AdminClient, CommittedOffsets, GroupMembers, NewTopic, PartitionOffsets } from '../port.js'

export class KafkaJsAdmin implements AdminClient {
  constructor(private readonly admin: Admin) {}

  listTopics(): Promise<string[]> {
    return this.admin.listTopics()
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    // kafkajs answers false, not with an error, when another process was faster.
    await this.admin.createTopics({
      topics: topics.map(({ configEntries, ...topic }) => ({
        ...topic,
        ...(configEntries ? { configEntries: [...configEntries] } : {}),
      })),
      waitForLeaders: false,
    })
  }

  deleteTopics(topics: readonly string[]): Promise<void> {
    return this.admin.deleteTopics({ topics: [...topics] })
  }

  /**
   * kafkajs' own wait for leaders gives up on the first "unknown topic", which a KRaft broker answers
   * until it has read the controller's log.
   */
  async haveLeaders(topics: readonly string[]): Promise<boolean> {
    const asked = this.admin.fetchTopicMetadata({ topics: [...topics] })
    const answer = await asked.catch((error: { type?: string }) => {
      if (error.type === 'UNKNOWN_TOPIC_OR_PARTITION' || error.type === 'LEADER_NOT_AVAILABLE') return null
      throw error
    })
    return answer?.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0)) ?? false
  }

  topicOffsets(topic: string): Promise<PartitionOffsets[]> {
    return this.admin.fetchTopicOffsets(topic)
  }

  async listGroups(): Promise<string[]> {
    return (await this.admin.listGroups()).groups.map(({ groupId }) => groupId)
  }

  async groupStates(groups: readonly string[]): Promise<Map<string, string>> {
    const described = await this.admin.describeGroups([...groups])
    return new Map(described.groups.map(({ groupId, state }) => [groupId, state]))
  }

  async groupMembers(groups: readonly string[]): Promise<Map<string, GroupMembers>> {
    const described = await this.admin.describeGroups([...groups])
    return new Map(
      described.groups.map(({ groupId, state, members }) => [
        groupId,
        {
          state,
          members: members.map(({ clientId, memberAssignment }) => ({
            clientId,
            assignment: assignmentOf(memberAssignment),
          })),
        },
      ]),
    )
  }

  committedOffsets(group: string, topics?: readonly string[]): Promise<CommittedOffsets[]> {
    return this.admin.fetchOffsets({ groupId: group, ...(topics ? { topics: [...topics] } : {}) })
  }

  async deleteGroups(groups: readonly string[]): Promise<void> {
    await this.admin.deleteGroups([...groups])
  }

  close(): Promise<void> {
    return this.admin.disconnect()
  }
}

/** A member that has just joined has no assignment yet. */
function assignmentOf(bytes: Buffer): Readonly<Record<string, readonly number[]>> {
  return bytes.length > 0 ? (AssignerProtocol.MemberAssignment.decode(bytes)?.assignment ?? {}) : {}
}
