import { Kafka, logLevel, type Producer } from 'kafkajs'
import type { PoisonedTopic, PoisonForm } from '../plan/faults.js'

/** Where a poisoned record went. */
export interface Poisoned {
  readonly partition: number
  readonly offset: string
}

/** Puts records onto topics that nothing can make sense of. Rejects when the broker does not take one. */
export class Poisoner {
  #producer: Producer | null = null
  /** The last good record of a topic, to be altered. */
  readonly #seen = new Map<string, { key: Buffer | null; value: Buffer; headers: Record<string, string> }>()
  readonly #kafka: Kafka
  #stopReading: (() => Promise<void>) | null = null

  constructor(
    brokers: readonly string[],
    private readonly group: string,
  ) {
    this.#kafka = new Kafka({ brokers: [...brokers], clientId: 'fault-poison', logLevel: logLevel.NOTHING })
  }

  /** Reads along, so that there is something real to alter. */
  async watch(topics: readonly string[]): Promise<void> {
    const consumer = this.#kafka.consumer({
      groupId: this.group,
      retry: { retries: 1_000, maxRetryTime: 3_000 },
    })
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ topic, message: { key, value, headers } }) => {
        if (!value || value.length < 10 || value[0] !== 0) return
        const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)] as const)
        this.#seen.set(topic, { key, value, headers: Object.fromEntries(texts) })
      },
    })
    this.#stopReading = () => consumer.disconnect()
  }

  async send(topic: PoisonedTopic, form: PoisonForm): Promise<Poisoned> {
    this.#producer ??= await this.#open()
    try {
      const [first] = await this.#producer.send({ topic, messages: [this.#message(topic, form)] })
      return { partition: first?.partition ?? -1, offset: first?.baseOffset ?? '-1' }
    } catch (error) {
      await this.#producer.disconnect().catch(() => undefined)
      this.#producer = null
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#stopReading?.().catch(() => undefined)
    await this.#producer?.disconnect().catch(() => undefined)
  }

  async #open(): Promise<Producer> {
    const producer = this.#kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    return producer
  }

  #message(topic: string, form: PoisonForm) {
    const real = this.#seen.get(topic)
    switch (form) {
      case 'garbage':
        return { key: 'poison', value: Buffer.from('this is no record of any schema') }
      case 'unknown-schema':
        return { key: 'poison', value: Buffer.from([0, 0x7f, 0xff, 0xff, 0xf0, 1, 2, 3]) }
      case 'empty':
        return { key: 'poison', value: Buffer.alloc(0) }
      case 'altered': {
        if (!real) return { key: 'poison', value: Buffer.from([0, 0, 0, 0]) }
        // Cut short, so that it is poison for whoever decodes it, whatever stood at its end.
        const value = real.value.subarray(0, real.value.length - 3)
        // Without the header that lets systems it is not for pass it by unread, and rightly so.
        const { systems: _, ...headers } = real.headers
        return { key: real.key, value, headers }
      }
      default:
        return form satisfies never
    }
  }
}
