export { BatchPattern, PassErrorsThrough } from './batch-pattern.js'
export { ClusterView, type GroupLag } from './cluster-view.js'
export { type CodecOptions, type Decoded, MessageCodec } from './codec.js'
export {
  deadLetterTopic,
  type KafkaConfig,
  kafkaConfigFromEnvironment,
  physicalGroup,
  physicalTopic,
} from './config.js'
export {
  type DeadLetter,
  type DeadLetterSelection,
  listDeadLetters,
  type StoredLetter,
  storedLetters,
} from './dead-letter-list.js'
export { OffsetsMovedError, UnprovenError } from './errors.js'
export {
  consumedByLethe,
  type LagUnknown,
  type Observation,
  type ObservedGroup,
  type ObservedPartition,
  type OutsidePositions,
  type OutsideSources,
} from './group-lag.js'
export { GroupLagReader } from './group-lag-reader.js'
export { readHeaders } from './headers.js'
export {
  BatchContext,
  type BatchHandler,
  type ExternalOffsets,
  type HandlerResult,
  type Headers,
  type Incoming,
  type Origin,
  type Quarantined,
  type Subscription,
  type Verdict,
} from './incoming.js'
export { type ConsumedTopics, consumerLag, type PartitionLag } from './lag.js'
export { lagMetrics } from './lag-metrics.js'
export { type MessagingMetrics, messagingMetrics } from './metrics.js'
export { MessageProducer, type Outgoing, type ProducerOptions, type RawOutgoing } from './producer.js'
export { type ReadTopicOptions, readTopic } from './read-topic.js'
export { type RedriveOptions, type RedriveResult, redrive } from './redrive.js'
export { KafkaBatchStrategy } from './strategy.js'
export type { StrategyOptions, Tuning } from './strategy-options.js'
export { type CreateTopicsOptions, createMissing, createTopics, withAdmin } from './topic-administration.js'
