import { Kafka, Partitioners } from 'kafkajs'
import type { Logger } from 'pino'
import type { KafkaConfig } from '../../config.js'
import type {
  AdminClient,
  ConsumerClient,
  ConsumerClientOptions,
  KafkaClient,
  ProducerClient,
} from '../port.js'
import { KafkaJsAdmin } from './admin.js'
import { KafkaJsConsumer } from './consumer.js'
import { kafkaOptions } from './options.js'
import { quietQueues } from './quiet-queue.js'

quietQueues()

/** The port on kafkajs. */
export class KafkaJs implements KafkaClient {
  readonly name = 'kafkajs'
  constructor(private readonly config: KafkaConfig) {}

  async producer(logger?: Logger): Promise<ProducerClient> {
    const producer = new Kafka(kafkaOptions(this.config, logger)).producer({
      idempotent: true,
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 8 },
    })
    await producer.connect()
    return {
      async send(topicMessages) {
        await producer.sendBatch({ topicMessages, acks: -1 })
      },
      close: () => producer.disconnect(),
    }
  }

  consumer(options: ConsumerClientOptions): ConsumerClient {
    return new KafkaJsConsumer(new Kafka(kafkaOptions(this.config, options.logger)), options)
  }

  async admin({ hasty = false }: { readonly hasty?: boolean } = {}): Promise<AdminClient> {
    const options = kafkaOptions(this.config)
    const retry = hasty ? { initialRetryTime: 100, retries: 1 } : options.retry
    const admin = new Kafka({ ...options, ...(retry ? { retry } : {}) }).admin()
    await admin.connect()
    return new KafkaJsAdmin(admin)
  }
}
