import type { TopicName } from '@lethe/schemas'
import { RetryableError } from '@lethe/service-host'
import type { Logger } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { kafkaClient } from './client/open.js'
import type { OutgoingRecord, ProducerClient } from './client/port.js'
import type { MessageCodec } from './codec.js'
import { type KafkaConfig, physicalTopic } from './config.js'

/** One message to publish; the producer encodes it. */
export interface Outgoing {
  readonly topic: TopicName
  readonly key: string
  /** Name of the Avro record, e.g. `ErasureAcknowledged`. */
  readonly type: string
  readonly value: unknown
  /** Becomes `ce_id`; give the same one on republication. Default a new UUIDv7. */
  readonly id?: string
  /** Becomes `ce_time`, epoch milliseconds; default now. */
  readonly time?: number
  readonly traceparent?: string
  /** Default 1. */
  readonly attempt?: number
  /** More headers; ids only, never an identifier of a person. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Bytes that are sent as they are: dead letters, redrives, republished outbox rows. */
export interface RawOutgoing {
  /** Topic without the deployment's prefix. */
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

export interface ProducerOptions {
  readonly kafka: KafkaConfig
  /** Needed for `send`; `sendRaw` does without. */
  readonly codec?: MessageCodec
  readonly logger?: Logger
}

/** Broker answers after which an idempotent producer's id is worth nothing any more. */
const LOST_IDENTITY = new Set([
  'UNKNOWN_PRODUCER_ID',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'PRODUCER_FENCED',
])

/**
 * Publishes with acks from all replicas, idempotently within one connection. At least once: after an
 * error the same messages may be sent again, with the same `ce_id` when the caller gives it.
 */
export class MessageProducer {
  private producer: ProducerClient | null = null
  private connecting: Promise<ProducerClient> | null = null

  constructor(private readonly options: ProducerOptions) {}

  async connect(): Promise<void> {
    await this.connected()
  }

  async disconnect(): Promise<void> {
    const producer = this.producer ?? (await this.connecting)
    this.producer = null
    this.connecting = null
    await producer?.close()
  }

  /**
   * Resolves when every message is on all in-sync replicas. Throws TerminalError when one does not
   * fit its schema (nothing was sent), RetryableError `publish_failed` after bounded retries.
   */
  async send(messages: readonly Outgoing[]): Promise<void> {
    const { codec } = this.options
    if (!codec) throw new TypeError('MessageProducer.send needs a codec')
    await this.sendRaw(
      messages.map((message) => ({
        topic: message.topic,
        key: message.key,
        value: codec.encode(message.topic, message.type, message.value),
        headers: {
          ...message.headers,
          ce_id: message.id ?? uuidv7(),
          ce_type: message.type,
          ce_time: String(message.time ?? Date.now()),
          attempt: String(message.attempt ?? 1),
          ...(message.traceparent ? { traceparent: message.traceparent } : {}),
        },
      })),
    )
  }

  /** Sends bytes as they are, in one request per broker. Errors as `send`. */
  async sendRaw(messages: readonly RawOutgoing[]): Promise<void> {
    if (messages.length === 0) return
    const topicMessages = byTopic(this.options.kafka, messages)
    try {
      await this.sendOnce(topicMessages)
    } catch (error) {
      if (!lostIdentity(error)) throw publishFailed(error)
      await this.forget()
      await this.sendOnce(topicMessages).catch((again) => {
        throw publishFailed(again)
      })
    }
  }

  private async sendOnce(topicMessages: { topic: string; messages: OutgoingRecord[] }[]): Promise<void> {
    const producer = await this.connected()
    await producer.send(topicMessages)
  }

  private async connected(): Promise<ProducerClient> {
    if (this.producer) return this.producer
    this.connecting ??= this.open()
    try {
      this.producer = await this.connecting
      return this.producer
    } finally {
      this.connecting = null
    }
  }

  private async open(): Promise<ProducerClient> {
    return (await kafkaClient(this.options.kafka)).producer(this.options.logger)
  }

  private async forget(): Promise<void> {
    const producer = this.producer
    this.producer = null
    this.options.logger?.warn({}, 'the producer lost its identity and takes a new one')
    await producer?.close()
  }
}

function byTopic(
  kafka: KafkaConfig,
  messages: readonly RawOutgoing[],
): { topic: string; messages: OutgoingRecord[] }[] {
  const topics = new Map<string, OutgoingRecord[]>()
  for (const { topic, key, value, headers } of messages) {
    const name = physicalTopic(kafka, topic)
    const list = topics.get(name) ?? []
    list.push({ key, value, headers: { ...headers } })
    topics.set(name, list)
  }
  return [...topics].map(([topic, list]) => ({ topic, messages: list }))
}

function lostIdentity(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (LOST_IDENTITY.has(String((cause as { type?: unknown }).type))) return true
  return false
}

function publishFailed(cause: unknown): RetryableError {
  return new RetryableError('publish_failed', 'Kafka did not take the messages', { cause })
}
