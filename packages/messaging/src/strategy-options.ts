import type { Registry } from '@prometheus-io/client'
import type { Logger } from 'pino'
import type { MessageCodec } from './codec.js'
import type { KafkaConfig } from './config.js'
import type { Subscription } from './incoming.js'

/** Everything KafkaBatchStrategy needs. Times are milliseconds. */
export interface StrategyOptions {
  readonly kafka: KafkaConfig
  /** Consumer group, e.g. `eraser.shop-pg`; in Kafka it has the deployment's prefix. */
  readonly group: string
  readonly codec: MessageCodec
  readonly subscriptions: readonly Subscription[]
  readonly logger?: Logger
  /** Where the metrics of this group are registered. */
  readonly registry?: Registry
  readonly tuning?: Tuning
  /** Called when restarting in process did not help; default `process.exit(70)`. */
  readonly onFatal?: (error: Error) => void
}

/** Bounds; the defaults suit a small deployment. */
export interface Tuning {
  /** Default 10000: after a crash nobody takes the partitions over before it has passed. */
  readonly sessionTimeoutMs?: number
  /** Default 60000: how long the group waits for a member that is busy with a batch. */
  readonly rebalanceTimeoutMs?: number
  /** Default 3000. */
  readonly heartbeatIntervalMs?: number
  /** How long the broker may hold back an empty fetch; default 250. */
  readonly maxWaitMs?: number
  /** Bytes a fetch waits for, at most `maxWaitMs`; default 1. More of them are fewer wake-ups where nobody waits for one record. */
  readonly minBytes?: number
  /** Bytes of one partition in one fetch; default 1 MiB. */
  readonly maxBytesPerPartition?: number
  /** Partitions handled at once; default 3. */
  readonly partitionsAtOnce?: number
  /** Offsets of a partition are committed so often, and once more when nothing comes any more; default 500. */
  readonly commitIntervalMs?: number
  /** First and longest wait of a retried item; default 200 and 10000. */
  readonly retryBackoffMs?: { readonly first: number; readonly longest: number }
  /** First and longest pause after a PausedError; default 500 and 30000. */
  readonly pauseBackoffMs?: { readonly first: number; readonly longest: number }
  /** Without a fetch, a finished batch or a handler's `heartbeat()` for this long, the consumer is restarted; default 300000. */
  readonly stallMs?: number
  /** Restarts in a row without progress before `onFatal`; default 5. */
  readonly maxRestarts?: number
  /** How long `close` waits for the running batch before it aborts `signal`; default 20000. */
  readonly shutdownMs?: number
}
