import { compatibilityPartitioner, ProduceAcks, Producer } from '@platformatic/kafka'
import type { Logger } from 'pino'
import type { KafkaConfig } from '../../config.js'
import type { OutgoingRecord, ProducerClient } from '../port.js'
import { asked } from './errors.js'
import { clientOptions, logConnections } from './options.js'

/** Connected, and with a producer id of its own. */
export async function openProducer(config: KafkaConfig, logger?: Logger): Promise<ProducerClient> {
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
    ...clientOptions(config),
    idempotent: true,
    acks: ProduceAcks.ALL,
    autocreateTopics: false,
    // As Java's, Debezium's and kafkajs' choice, so that a key has one partition whoever writes.
    partitioner: (message, key) => (key ? compatibilityPartitioner(message, key) : randomPartition()),
  })
  logConnections(producer, logger)
  try {
    await asked(producer.initIdempotentProducer({}))
  } catch (error) {
    await producer.close()
    throw error
  }
  return new PlatformaticProducer(producer)
}

class PlatformaticProducer implements ProducerClient {
  private last: Promise<unknown> = Promise.resolve()

  constructor(private readonly producer: Producer<Buffer, Buffer, Buffer, Buffer>) {}

  /**
   * One request after the other: the library counts sequence numbers before it sends, and a failed request
   * would leave a gap under one that is already under way.
   */
  async send(batches: { topic: string; messages: OutgoingRecord[] }[]): Promise<void> {
    const messages = batches.flatMap(({ topic, messages: records }) =>
      records.map((record) => outgoing(topic, record)),
    )
    const mine = this.last.then(() => asked(this.producer.send({ messages, acks: ProduceAcks.ALL })))
    this.last = mine.catch(() => undefined)
    await mine
  }

  async close(): Promise<void> {
    await this.last
    await asked(this.producer.close())
  }
}

function outgoing(topic: string, { key, value, headers }: OutgoingRecord) {
  return {
    topic,
    headers: new Map(Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
    ...(key === null ? {} : { key: Buffer.from(key) }),
    ...(value === null ? {} : { value }),
  }
}

/** The library takes it modulo the topic's partitions. */
function randomPartition(): number {
  return Math.floor(Math.random() * 0x7fffffff)
}
