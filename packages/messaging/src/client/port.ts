import type { Logger } from 'pino'

/** The client libraries there is an adapter for. */
export const kafkaClients = ['kafkajs', 'platformatic'] as const
export type KafkaClientName = (typeof kafkaClients)[number]

/**
 * What this room needs of a Kafka client library. Topics and groups have their physical names here. An
 * error that is a broker's answer carries Kafka's name of it as `type`, e.g. `UNKNOWN_MEMBER_ID`, itself
 * or as one of its causes.
 */
export interface KafkaClient {
  readonly name: KafkaClientName
  /** A connected producer. */
  producer(logger?: Logger): Promise<ProducerClient>
  /** A consumer that does nothing before `start`. */
  consumer(options: ConsumerClientOptions): ConsumerClient
  /** A connected admin client; `hasty` fails after one retry, for answers that are worth nothing late. */
  admin(options?: { readonly hasty?: boolean }): Promise<AdminClient>
}

/** A record as it was fetched. */
export interface KafkaRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** Milliseconds since the epoch, decimal. */
  readonly timestamp: string
  /** Decimal text: Kafka's offsets are 64 bits wide. */
  readonly offset: string
  readonly headers?: RecordHeaders | undefined
}

/** A value is an array where a header repeats; null and undefined mean that it has none. */
export type RecordHeaders = Readonly<
  Record<string, Buffer | string | readonly (Buffer | string)[] | null | undefined>
>

/** Records of one partition, from one fetch. */
export interface FetchedBatch {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly KafkaRecord[]
  /** null when every record of the batch was taken out before delivery. */
  firstOffset(): string | null
  lastOffset(): string
}

/** A batch in the consumer's hands. Until its promise settles the partition gets no other one. */
export interface Delivery {
  readonly batch: FetchedBatch
  /** Everything up to `offset` is finished: reading goes on after it. Without it the batch comes again. */
  resolveOffset(offset: string): void
  /**
   * Tells the group that a long batch is alive. Rejects with `REBALANCE_IN_PROGRESS` when the group waits
   * for this batch, `UNKNOWN_MEMBER_ID` or `ILLEGAL_GENERATION` when it no longer does.
   */
  heartbeat(): Promise<void>
  /** Commits `next` as the partition's offset, for the generation of the group the batch was fetched in. */
  commit(next: string): Promise<void>
}

export interface ConsumerEvents {
  /** The group was joined, for the first time or anew; before any delivery of that generation. */
  joined(assignment: Readonly<Record<string, readonly number[]>>): void
  /** A fetch came back, empty or not. */
  fetched(): void
  /** The consumer ended by itself and does not come back. */
  crashed(error: Error): void
  /**
   * Rejecting with an error of `heartbeat` or `commit` makes the consumer join its group again where that
   * helps, and crash where it does not.
   */
  batch(delivery: Delivery): Promise<void>
}

/** Times are milliseconds. */
export interface ConsumerClientOptions {
  readonly group: string
  readonly sessionTimeoutMs: number
  /** How long the group waits for a member that is busy with a batch. */
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** How long the broker may hold back an empty fetch. */
  readonly maxWaitMs: number
  /** Bytes a fetch waits for until then. */
  readonly minBytes: number
  /** Bytes of one partition in one fetch. */
  readonly maxBytesPerPartition: number
  readonly partitionsAtOnce: number
  /** A batch without a commit for this long ends all fetching until it is done, so that the watchdog sees it. */
  readonly stallMs: number
  /** How long `close` waits for a batch before it leaves the group without it; kafkajs waits on. */
  readonly shutdownMs: number
  readonly logger?: Logger | undefined
}

/** A member of a group. It starts at the earliest record where nothing is committed, and commits only when told. */
export interface ConsumerClient {
  /** Resolves when the group was joined. Errors after bounded retries. Once. */
  start(topics: readonly string[], events: ConsumerEvents): Promise<void>
  /** Reads on from `offset`; without effect for a partition that is not assigned. */
  seek(at: { readonly topic: string; readonly partition: number; readonly offset: string }): void
  /** Nothing of the partition is delivered before `resume`, over rebalances too. */
  pause(topic: string, partition: number): void
  resume(topic: string, partition: number): void
  /** Waits for the deliveries under way, leaves the group and disconnects. */
  close(): Promise<void>
}

export interface OutgoingRecord {
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Record<string, string>
}

/** Idempotent, with acks from all in-sync replicas; Kafka's own choice of partition by key. */
export interface ProducerClient {
  send(batches: { topic: string; messages: OutgoingRecord[] }[]): Promise<void>
  close(): Promise<void>
}

export interface NewTopic {
  readonly topic: string
  /** Default the broker's, as `replicationFactor`. */
  readonly numPartitions?: number
  readonly replicationFactor?: number
  readonly configEntries?: readonly { readonly name: string; readonly value: string }[]
}

export interface PartitionOffsets {
  readonly partition: number
  /** The first record kept. */
  readonly low: string
  /** The offset after the last record. */
  readonly high: string
}

export interface CommittedOffsets {
  readonly topic: string
  /** An offset below zero, or no entry, where nothing is committed. */
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
}

/** Who is in a group. */
export interface GroupMembers {
  /** Kafka's state of the group; `Dead` for one it does not know. */
  readonly state: string
  readonly members: readonly {
    readonly clientId: string
    /** Partitions by topic; empty while the group settles. */
    readonly assignment: Readonly<Record<string, readonly number[]>>
  }[]
}

export interface AdminClient {
  listTopics(): Promise<string[]>
  /** Resolves when the topics are made, or existed. They may have no leader yet. */
  createTopics(topics: readonly NewTopic[]): Promise<void>
  deleteTopics(topics: readonly string[]): Promise<void>
  /** Whether every partition of every topic has a leader; false for a topic that is not known yet. */
  haveLeaders(topics: readonly string[]): Promise<boolean>
  topicOffsets(topic: string): Promise<PartitionOffsets[]>
  listGroups(): Promise<string[]>
  /** Kafka's state of each group, e.g. `Stable`; a group it does not know is `Dead`. */
  groupStates(groups: readonly string[]): Promise<Map<string, string>>
  /** A client that does without leaves members unknown. */
  groupMembers?(groups: readonly string[]): Promise<Map<string, GroupMembers>>
  /** Of these topics, or of all the group has committed something for. */
  committedOffsets(group: string, topics?: readonly string[]): Promise<CommittedOffsets[]>
  deleteGroups(groups: readonly string[]): Promise<void>
  close(): Promise<void>
}
