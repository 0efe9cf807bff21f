import { describe, expect, it } from 'vitest'
import { endpoints } from '../../../../infra/src/endpoints.js'
import { until } from '../kafka-harness.spec.js'
import { Bench, contract, take } from './contract.spec.js'
import { kafkaClient } from './open.js'
import { PlatformaticConsumer } from './platformatic/consumer.js'
import { type ConsumerClient, type Delivery, type KafkaClient, kafkaClients } from './port.js'

const at = { brokers: endpoints().brokers, clientId: 'messaging-spec' }

async function run(check: (bench: Bench) => Promise<void>, client: KafkaClient): Promise<void> {
  const bench = await Bench.with(client)
  try {
    await check(bench)
  } finally {
    await bench.drop()
  }
}

describe.each(kafkaClients)('a Kafka client: %s', (name) => {
  it.each(Object.entries(contract))('%s', async (_, check) =>
    run(check, await kafkaClient({ ...at, client: name })),
  )
})

describe('members on both clients', () => {
  it.each([
    ['kafkajs', 'platformatic'],
    ['platformatic', 'kafkajs'],
  ] as const)('share a group that %s leads, and %s takes it over', async (first, second) =>
    run(
      async (bench) => {
        const topic = await bench.topic(4)
        const group = bench.group()
        const taken: string[] = []
        const join = async (name: typeof first | typeof second) =>
          bench.member(
            group,
            topic,
            async (delivery) => {
              await take(delivery)
              taken.push(...delivery.batch.messages.map(({ value }) => `${name} ${value}`))
            },
            {},
            await kafkaClient({ ...at, client: name }),
          )
        const leader = await join(first)
        const other = await join(second)
        await until(() => leader.joins.at(-1)?.length === 2 && other.joins.at(-1)?.length === 2)
        const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
        for (const [i, key] of keys.entries()) await bench.send(topic, 1, i, key)
        await until(() => taken.length >= keys.length)
        expect(new Set(taken.map((name) => name.split(' ')[1])).size).toBe(keys.length)
        expect(new Set(taken.map((name) => name.split(' ')[0]))).toEqual(new Set([first, second]))
        await leader.consumer.close()
        await until(() => other.joins.at(-1)?.length === 4)
        await bench.send(topic, 1, 99, 'key-0')
        await until(() => taken.includes(`${second} 99`))
        expect(taken).toHaveLength(keys.length + 1)
      },
      await kafkaClient({ ...at, client: first }),
    ),
  )
})

/** kafkajs with something broken in its consumer. */
function consumerWith(client: KafkaClient, change: (consumer: ConsumerClient) => Partial<ConsumerClient>) {
  const broken = (consumer: ConsumerClient): ConsumerClient => ({
    start: (topics, events) => consumer.start(topics, events),
    seek: (to) => consumer.seek(to),
    pause: (topic, partition) => consumer.pause(topic, partition),
    resume: (topic, partition) => consumer.resume(topic, partition),
    close: () => consumer.close(),
    ...change(consumer),
  })
  return faulty(client, { consumer: (options) => broken(client.consumer(options)) })
}

function faulty(client: KafkaClient, change: Partial<KafkaClient>): KafkaClient {
  return {
    name: client.name,
    producer: (logger) => client.producer(logger),
    consumer: (options) => client.consumer(options),
    admin: (options) => client.admin(options),
    ...change,
  }
}

/** What is broken, the beginning of the check that has to find it, and how it is broken. */
const faults: readonly [string, string, (client: KafkaClient) => KafkaClient][] = [
  [
    'writes an empty value for a tombstone',
    'carries keys',
    (client) =>
      faulty(client, {
        producer: async () => {
          const producer = await client.producer()
          return {
            close: () => producer.close(),
            send: (batches) =>
              producer.send(
                batches.map(({ topic, messages }) => ({
                  topic,
                  messages: messages.map((one) => ({ ...one, value: one.value ?? Buffer.alloc(0) })),
                })),
              ),
          }
        },
      }),
  ],
  [
    'reads again what was resolved',
    'starts at the earliest',
    (client) =>
      consumerWith(client, (consumer) => ({
        start: (topics, events) =>
          consumer.start(topics, {
            ...events,
            batch: (delivery: Delivery) =>
              events.batch({
                batch: delivery.batch,
                resolveOffset: () => undefined,
                heartbeat: () => delivery.heartbeat(),
                commit: (next) => delivery.commit(next),
              }),
          }),
      })),
  ],
  [
    'seeks one record too far',
    'seeks back',
    (client) =>
      consumerWith(client, (consumer) => ({
        seek: (to) => consumer.seek({ ...to, offset: String(BigInt(to.offset) + 1n) }),
      })),
  ],
  ['does not pause', 'pauses one', (client) => consumerWith(client, () => ({ pause: () => undefined }))],
  [
    'does not wait at its close',
    'waits at close',
    (client) => consumerWith(client, (consumer) => ({ close: async () => void consumer.close() })),
  ],
]

describe('the contract of a Kafka client', () => {
  const find = (start: string) => Object.entries(contract).find(([title]) => title.startsWith(start))?.[1]

  it.each(faults)('catches one that %s', async (_, start, broken) => {
    const check = find(start)
    if (!check) throw new Error(`no check is called ${start}`)
    await expect(run(check, broken(await kafkaClient({ ...at, client: 'kafkajs' })))).rejects.toThrow()
  })

  it('catches one that rejoins while a batch is under way, as the library does by itself', async () => {
    const prototype = PlatformaticConsumer.prototype as unknown as { finishFirst: () => Promise<void> }
    const { finishFirst } = prototype
    prototype.finishFirst = async () => undefined
    try {
      const check = find('lets a rebalance wait')
      const client = await kafkaClient({ ...at, client: 'platformatic' })
      await expect(run(check ?? (async () => undefined), client)).rejects.toThrow()
    } finally {
      prototype.finishFirst = finishFirst
    }
  })
})
