import {
  type ClusterMetadata,
  ConnectionPool,
  Consumer,
  heartbeatV4,
  offsetCommitV8,
} from '@platformatic/kafka'
import type { KafkaConfig } from '../../config.js'
import type { ConsumerClientOptions } from '../port.js'
import { asked, asksToRejoin, portError } from './errors.js'
import { clientOptions, connectionOptions, logConnections } from './options.js'

/** Who this member was when a batch was fetched. The broker refuses a commit by who it no longer is. */
export interface Fence {
  readonly generation: number
  readonly memberId: string
}

export type Assignment = Record<string, number[]>

export interface MembershipEvents {
  /** Asked before the group is joined anew; the group waits for the answer as long as for a busy member. */
  finishFirst(): Promise<void>
  joined(assignment: Assignment): void
  /** The member is not in its group any more and will not come back. */
  lost(error: Error): void
}

/** A commit is tried again so often when the network, not the broker, refused it. */
const COMMIT_RETRIES = 3
const COMMIT_RETRY_MS = 200

/** One member of a group: joining, heartbeats, offsets. What is read lies elsewhere. */
export class Membership {
  readonly consumer: Consumer
  /** Commits and heartbeats of busy batches do not stand in line behind a join. */
  private readonly commands: ConnectionPool

  constructor(
    config: KafkaConfig,
    private readonly options: ConsumerClientOptions,
    private readonly events: MembershipEvents,
  ) {
    this.commands = new ConnectionPool(config.clientId, connectionOptions(config))
    this.consumer = new Consumer({
      ...clientOptions(config, 5),
      groupId: options.group,
      autocommit: false,
      sessionTimeout: options.sessionTimeoutMs,
      // The library takes none below the session's.
      rebalanceTimeout: Math.max(options.rebalanceTimeoutMs, options.sessionTimeoutMs),
      heartbeatInterval: options.heartbeatIntervalMs,
      heartbeatStallTimeout: options.sessionTimeoutMs + options.rebalanceTimeoutMs,
      // A join is answered when the whole group has joined.
      requestTimeout: options.rebalanceTimeoutMs + 5_000,
      // kafkajs' name and layout, so that members of both clients can share a group while one replaces the other.
      protocols: [{ name: 'RoundRobinAssigner', version: 1 }],
      // The library rejoins as soon as a heartbeat says so. Here it waits for the batches under way.
      protocolsMetadata: async () => {
        await this.events.finishFirst()
        return Buffer.alloc(0)
      },
    })
    logConnections(this.consumer, options.logger)
    this.consumer.on('error', (error) => this.events.lost(portError(error)))
    this.consumer.on('consumer:heartbeat:stalled', ({ lastError }) => this.events.lost(portError(lastError)))
    this.consumer.on('consumer:group:join', ({ assignments = [] }) =>
      this.events.joined(Object.fromEntries(assignments.map(({ topic, partitions }) => [topic, partitions]))),
    )
  }

  async join(topics: readonly string[]): Promise<void> {
    this.consumer.topics.trackAll(...topics)
    await asked(this.consumer.joinGroup({}))
  }

  fence(): Fence {
    return { generation: this.consumer.generationId, memberId: this.consumer.memberId ?? '' }
  }

  isStill({ generation, memberId }: Fence): boolean {
    return this.consumer.generationId === generation && this.consumer.memberId === memberId
  }

  /**
   * Commits for the generation of `fence`, whatever this member is by now. The library's own commit would
   * join the group anew and commit for the new generation, over the head of the partition's next owner.
   */
  async commit(fence: Fence, topic: string, partition: number, next: string, failures = 0): Promise<void> {
    const entry = {
      partitionIndex: partition,
      committedOffset: BigInt(next),
      committedLeaderEpoch: -1,
      committedMetadata: null,
    }
    try {
      await offsetCommitV8.api.async(
        await this.coordinator(),
        this.options.group,
        fence.generation,
        fence.memberId,
        null,
        [{ name: topic, partitions: [entry] }],
      )
    } catch (error) {
      if (asksToRejoin(error) || failures >= COMMIT_RETRIES || this.consumer.closed) throw portError(error)
      await new Promise((resolve) => setTimeout(resolve, COMMIT_RETRY_MS))
      await this.commit(fence, topic, partition, next, failures + 1)
    }
  }

  async heartbeat({ generation, memberId }: Fence): Promise<void> {
    const connection = await this.coordinator()
    await asked(heartbeatV4.api.async(connection, this.options.group, generation, memberId, null))
  }

  private async coordinator() {
    const node = await asked(this.consumer.findGroupCoordinator())
    const { brokers } = await this.metadata([])
    const broker = brokers.get(node)
    if (!broker) throw portError(new Error('the coordinator of the group is not among the brokers'))
    return asked(this.commands.get(broker))
  }

  metadata(topics: readonly string[]): Promise<ClusterMetadata> {
    return asked(this.consumer.metadata({ topics: [...topics] }))
  }

  /** Where each partition is read from: what the group committed, or the earliest record. */
  async positions(assignment: Assignment): Promise<Map<string, bigint>> {
    const topics = Object.entries(assignment).map(([topic, partitions]) => ({ topic, partitions }))
    const committed = await asked(this.consumer.listCommittedOffsets({ topics }))
    const found = new Map<string, bigint>()
    for (const { topic, partitions } of topics) {
      const known = committed.get(topic) ?? []
      const fresh = partitions.some((partition) => (known[partition] ?? -1n) < 0n)
      const earliest = fresh ? await this.earliest(topic) : []
      for (const partition of partitions) {
        const offset = known[partition] ?? -1n
        found.set(`${topic}/${partition}`, offset >= 0n ? offset : (earliest[partition] ?? 0n))
      }
    }
    return found
  }

  async earliest(topic: string): Promise<bigint[]> {
    const offsets = await asked(this.consumer.listOffsets({ topics: [topic], timestamp: -2n }))
    return offsets.get(topic) ?? []
  }

  /** Leaves the group, as far as the broker can be reached, and disconnects. */
  async leave(): Promise<void> {
    await Promise.all([asked(this.consumer.close()), asked(this.commands.close())])
  }
}
