import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type {
  ConsumerClient,
  ConsumerClientOptions,
  ConsumerEvents,
  Delivery,
  FetchedBatch,
} from '../port.js'

/** A kafkajs consumer. It never restarts itself. */
export class KafkaJsConsumer implements ConsumerClient {
  private readonly consumer: Consumer

  constructor(
    kafka: Kafka,
    private readonly options: ConsumerClientOptions,
  ) {
    this.consumer = kafka.consumer({
      groupId: options.group,
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: options.rebalanceTimeoutMs,
      heartbeatInterval: options.heartbeatIntervalMs,
      maxWaitTimeInMs: options.maxWaitMs,
      minBytes: options.minBytes,
      maxBytesPerPartition: options.maxBytesPerPartition,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 200, maxRetryTime: 5_000, retries: 8, restartOnFailure: async () => false },
    })
  }

  async start(topics: readonly string[], events: ConsumerEvents): Promise<void> {
    const { consumer } = this
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => events.joined(payload.memberAssignment))
    consumer.on(consumer.events.FETCH, () => events.fetched())
    consumer.on(consumer.events.CRASH, ({ payload }) => events.crashed(payload.error))
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.options.partitionsAtOnce,
      eachBatch: (payload) => events.batch(new KafkaJsDelivery(payload)),
    })
  }

  seek(at: { topic: string; partition: number; offset: string }): void {
    this.consumer.seek(at)
  }

  pause(topic: string, partition: number): void {
    this.consumer.pause([{ topic, partitions: [partition] }])
  }

  resume(topic: string, partition: number): void {
    this.consumer.resume([{ topic, partitions: [partition] }])
  }

  close(): Promise<void> {
    return this.consumer.disconnect()
  }
}

class KafkaJsDelivery implements Delivery {
  readonly batch: FetchedBatch
  constructor(private readonly payload: EachBatchPayload) {
    this.batch = payload.batch
  }

  resolveOffset(offset: string): void {
    this.payload.resolveOffset(offset)
  }

  heartbeat(): Promise<void> {
    return this.payload.heartbeat()
  }

  commit(next: string): Promise<void> {
    const { topic, partition } = this.batch
    return this.payload.commitOffsetsIfNecessary({
      topics: [{ topic, partitions: [{ partition, offset: next }] }],
    })
  }
}
