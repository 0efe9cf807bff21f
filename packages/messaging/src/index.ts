export { type GroupLag, KafkaAdmin, type TopicSetting } from './admin.js'
export { BatchPattern, PassErrorsThrough } from './batch-pattern.js'
export { type CodecOptions, type Decoded, MessageCodec } from './codec.js'
export {
  deadLetterTopic,
  type KafkaConfig,
  kafkaConfigFromEnvironment,
  kafkaOptions,
  physicalTopic,
} from './config.js'
export { OffsetsMovedError } from './errors.js'
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
export { MessageProducer, type Outgoing, type ProducerOptions, type RawOutgoing } from './producer.js'
export { KafkaBatchStrategy } from './strategy.js'
export type { StrategyOptions, Tuning } from './strategy-options.js'
