/** One Kafka topic: who may find what there, and for how long. */
export interface TopicDefinition {
  readonly partitions: number
  readonly cleanup: 'delete' | 'compact'
  /** Milliseconds; -1 on compacted topics. */
  readonly retentionMs: number
  /** What the record key is. */
  readonly key: string
  /** Names of the Avro messages that may appear. */
  readonly messages: readonly string[]
}

const days = (n: number): number => n * 86_400_000

/** Every topic of the design. Dead-letter topics are named `<topic>.<group>.dlq` and kept 30 days. */
export const topics = {
  'erasure.intake': {
    partitions: 3,
    cleanup: 'delete',
    retentionMs: days(14),
    key: 'intakeKey',
    messages: ['ErasureIntake'],
  },
  'erasure.requested': {
    partitions: 6,
    cleanup: 'delete',
    retentionMs: days(30),
    key: 'subjectRef',
    messages: ['ErasureRequested'],
  },
  'erasure.probe.requested': {
    partitions: 6,
    cleanup: 'delete',
    retentionMs: days(30),
    key: 'subjectRef',
    messages: ['ErasureProbeRequested'],
  },
  'erasure.acknowledged': {
    partitions: 6,
    cleanup: 'delete',
    retentionMs: days(90),
    key: 'subjectRef',
    messages: ['ErasureAcknowledged', 'ProbeReported'],
  },
  'erasure.status': {
    partitions: 3,
    cleanup: 'delete',
    retentionMs: days(90),
    key: 'subjectRef',
    messages: ['ErasureStatusChanged'],
  },
  'erasure.tombstones': {
    partitions: 3,
    cleanup: 'compact',
    retentionMs: -1,
    key: 'tombstoneId',
    messages: ['ErasureTombstone'],
  },
  'restore.announced': {
    partitions: 1,
    cleanup: 'delete',
    retentionMs: days(90),
    key: 'systemId',
    messages: ['RestoreAnnounced'],
  },
} as const satisfies Record<string, TopicDefinition>

export type TopicName = keyof typeof topics
