import { randomUUID } from 'node:crypto'
import { ProduceAcks, Producer } from '@platformatic/kafka'
import { expect } from 'vitest'
import { endpoints } from '../../../../infra/src/endpoints.js'
import { readHeaders } from '../headers.js'
import { until } from '../kafka-harness.spec.js'
import type {
  AdminClient,
  ConsumerClient,
  ConsumerClientOptions,
  Delivery,
  KafkaClient,
  KafkaRecord,
  NewTopic,
  ProducerClient,
} from './port.js'

/** What a check has of the world: a client, topics of its own, consumers that are closed for it. */
export class Bench {
  private readonly prefix = `port-${randomUUID().slice(0, 8)}`
  private readonly consumers: ConsumerClient[] = []
  private readonly made: string[] = []

  private constructor(
    readonly client: KafkaClient,
    readonly admin: AdminClient,
    readonly producer: ProducerClient,
  ) {}

  static async with(client: KafkaClient): Promise<Bench> {
    return new Bench(client, await client.admin(), await client.producer())
  }

  readonly group = () => `${this.prefix}.${randomUUID().slice(0, 4)}`

  async topic(numPartitions: number, more: Partial<NewTopic> = {}): Promise<string> {
    const topic = `${this.prefix}.${this.made.length}`
    this.made.push(topic)
    await this.admin.createTopics([{ topic, numPartitions, ...more }])
    await until(() => this.admin.haveLeaders([topic]))
    return topic
  }

  /** `count` records named 0 and on, in one partition each by its key. */
  send(topic: string, count: number, from = 0, key: string | null = 'one'): Promise<void> {
    const messages = Array.from({ length: count }, (_, i) => ({
      key,
      value: Buffer.from(String(from + i)),
      headers: {},
    }))
    return this.producer.send([{ topic, messages }])
  }

  async member(
    group: string,
    topic: string,
    batch: (delivery: Delivery, self: Member) => Promise<void>,
    more: Partial<ConsumerClientOptions> = {},
    client = this.client,
  ): Promise<Member> {
    const consumer = client.consumer({ ...OPTIONS, ...more, group })
    this.consumers.push(consumer)
    const member: Member = { consumer, joins: [], crashes: [] }
    await consumer.start([topic], {
      joined: (assignment) => void member.joins.push([...(assignment[topic] ?? [])]),
      fetched: () => undefined,
      crashed: (error) => void member.crashes.push(error),
      batch: (delivery) => batch(delivery, member),
    })
    return member
  }

  async committed(group: string, topic: string, partition = 0): Promise<string> {
    const [answer] = await this.admin.committedOffsets(group, [topic])
    return answer?.partitions.find((one) => one.partition === partition)?.offset ?? '-1'
  }

  async drop(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.close().catch(() => undefined)))
    await this.producer.close()
    await this.admin.deleteTopics(this.made)
    await this.admin.close()
  }
}

export interface Member {
  readonly consumer: ConsumerClient
  /** The partitions of each generation. */
  readonly joins: number[][]
  readonly crashes: Error[]
}

const OPTIONS = {
  sessionTimeoutMs: 6_000,
  rebalanceTimeoutMs: 20_000,
  heartbeatIntervalMs: 200,
  maxWaitMs: 50,
  minBytes: 1,
  maxBytesPerPartition: 1_048_576,
  partitionsAtOnce: 3,
  stallMs: 60_000,
  shutdownMs: 1_000,
}

const names = ({ batch }: Delivery) => batch.messages.map(({ value }) => value?.toString() ?? 'null')

/** Takes a batch as handled and commits it. */
export async function take(delivery: Delivery): Promise<void> {
  delivery.resolveOffset(delivery.batch.lastOffset())
  await delivery.commit(String(BigInt(delivery.batch.lastOffset()) + 1n))
}

/** A promise and what settles it. */
function door(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

/** What a Kafka client has to do for this room, whichever library it is. Each check has a bench of its own. */
export const contract: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  'carries keys, values and headers byte for byte, and what is null or empty as that': async (bench) => {
    const topic = await bench.topic(1)
    const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    await bench.producer.send([
      {
        topic,
        messages: [
          { key: 'ключ', value, headers: { ce_id: 'ä', empty: '' } },
          { key: null, value: Buffer.alloc(0), headers: {} },
          { key: '', value: null, headers: {} },
        ],
      },
    ])
    await repeatedHeaders(topic)
    const seen: KafkaRecord[] = []
    await bench.member(bench.group(), topic, async (delivery) => {
      seen.push(...delivery.batch.messages)
      await take(delivery)
    })
    await until(() => seen.length >= 4)
    expect(seen.map(({ key }) => key?.toString() ?? null)).toEqual(['ключ', null, '', null])
    expect(seen.map((record) => record.value?.length ?? null)).toEqual([256, 0, null, null])
    expect(seen[0]?.value?.equals(value)).toBe(true)
    expect(readHeaders(seen[0]?.headers)).toEqual({ ce_id: 'ä', empty: '' })
    expect(readHeaders(seen[3]?.headers)).toEqual({ twice: '2' })
    expect(seen.map(({ offset }) => offset)).toEqual(['0', '1', '2', '3'])
    for (const { timestamp } of seen) expect(Math.abs(Date.now() - Number(timestamp))).toBeLessThan(600_000)
  },

  'puts a key where Java puts it': async (bench) => {
    const topic = await bench.topic(7)
    // Kafka's own test values of murmur2.
    const hashes = {
      '21': -973932308,
      foobar: -790332482,
      abc: 479470107,
      'a-little-bit-long-string': -985981536,
    }
    for (const key of Object.keys(hashes)) await bench.send(topic, 1, 0, key)
    const found = new Map<string, number>()
    await bench.member(bench.group(), topic, async (delivery) => {
      for (const { key } of delivery.batch.messages) found.set(String(key), delivery.batch.partition)
      await take(delivery)
    })
    await until(() => found.size === 4)
    for (const [key, hash] of Object.entries(hashes)) expect(found.get(key)).toBe((hash & 0x7fffffff) % 7)
  },

  'starts at the earliest record, reads on after what was resolved and again what was not': async (bench) => {
    const topic = await bench.topic(1)
    const group = bench.group()
    await bench.send(topic, 5)
    const seen: string[][] = []
    const first = await bench.member(group, topic, async (delivery) => {
      seen.push(names(delivery))
      if (seen.length === 1) return
      if (seen.length === 2) delivery.resolveOffset('1')
      else await take(delivery)
    })
    await until(() => seen.length >= 3)
    expect(seen).toEqual([
      ['0', '1', '2', '3', '4'],
      ['0', '1', '2', '3', '4'],
      ['2', '3', '4'],
    ])
    await first.consumer.close()
    expect(await bench.committed(group, topic)).toBe('5')
    await bench.send(topic, 1, 5)
    await bench.member(group, topic, async (delivery) => {
      seen.push(names(delivery))
      await take(delivery)
    })
    await until(() => seen.length >= 4)
    expect(seen[3]).toEqual(['5'])
  },

  'seeks back and forth, and to the beginning from outside the log': async (bench) => {
    const topic = await bench.topic(1)
    await bench.send(topic, 6)
    const wanted = ['4', '1', '99']
    const seen: string[] = []
    await bench.member(bench.group(), topic, async (delivery, { consumer }) => {
      seen.push(names(delivery)[0] ?? '')
      delivery.resolveOffset(delivery.batch.lastOffset())
      const offset = wanted.shift()
      if (offset) consumer.seek({ topic, partition: 0, offset })
    })
    await until(() => seen.length >= 4)
    expect(seen).toEqual(['0', '4', '1', '0'])
  },

  'pauses one partition while another goes on, and hands out no batch beside another of its partition':
    async (bench) => {
      const topic = await bench.topic(2)
      const seen: { partition: number; name: string }[] = []
      const under = new Set<number>()
      let beside = 0
      const { consumer } = await bench.member(bench.group(), topic, async (delivery) => {
        const { partition } = delivery.batch
        if (under.has(partition)) beside += 1
        under.add(partition)
        await new Promise((resolve) => setTimeout(resolve, 5))
        for (const name of names(delivery)) seen.push({ partition, name })
        await take(delivery)
        under.delete(partition)
      })
      const keys = ['a', 'b', 'c', 'd', 'e', 'f']
      for (const key of keys) await bench.send(topic, 1, 0, key)
      await until(() => seen.length === 6)
      expect(new Set(seen.map(({ partition }) => partition)).size).toBe(2)
      const of = (partition: number) => seen.filter((one) => one.partition === partition).length
      const each = [of(0), of(1)] as const
      consumer.pause(topic, 0)
      for (let round = 1; round <= 3; round++) for (const key of keys) await bench.send(topic, 1, round, key)
      await until(() => of(1) === 4 * each[1])
      // A batch that was under way when the pause came may still have been handed out, one and no more.
      const handed = of(0)
      consumer.resume(topic, 0)
      await until(() => of(0) === 4 * each[0])
      expect(handed).toBeLessThan(4 * each[0])
      expect(beside).toBe(0)
    },

  'lets a rebalance wait for the batch under way, whose commit still counts': async (bench) => {
    const topic = await bench.topic(1)
    const group = bench.group()
    await bench.send(topic, 3)
    const { open, opened } = door()
    const events: string[] = []
    await bench.member(group, topic, async (delivery) => {
      events.push(`first takes ${names(delivery).join()}`)
      if (events.length === 1) {
        await opened
        await take(delivery)
        events.push('first has committed')
      } else await take(delivery)
    })
    await until(() => events.length === 1)
    const second = bench.member(group, topic, async (delivery) => {
      events.push(`second takes ${names(delivery).join()}`)
      await take(delivery)
    })
    let joined = false
    void second.then(() => {
      joined = true
    })
    const state = async () => (await bench.admin.groupStates([group])).get(group)
    await until(async () => joined || (await state()) === 'PreparingRebalance')
    // Time enough for a member that does not wait to have joined anew.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(joined).toBe(false)
    open()
    await second
    await bench.send(topic, 2, 3)
    await until(() => events.join().includes('takes 3'))
    expect(events.slice(0, 2)).toEqual(['first takes 0,1,2', 'first has committed'])
    await until(async () => (await bench.committed(group, topic)) === '5')
    expect(events.filter((event) => / takes .*0/.test(event))).toHaveLength(1)
  },

  'refuses the commit of a batch whose member was replaced, and hands the batch to its successor': async (
    bench,
  ) => {
    const topic = await bench.topic(1)
    const group = bench.group()
    await bench.send(topic, 3)
    const { open, opened } = door()
    const seen: string[] = []
    let refused: unknown = null
    const impatient = { rebalanceTimeoutMs: 1_000 }
    const hung = await bench.member(
      group,
      topic,
      async (delivery) => {
        seen.push('hung')
        await opened
        await delivery.commit('3').catch((error: unknown) => {
          refused = error
          throw error
        })
      },
      impatient,
    )
    await until(() => seen.length === 1)
    await bench.member(
      group,
      topic,
      async (delivery) => {
        seen.push(...names(delivery))
        // Handled, not yet committed.
        delivery.resolveOffset(delivery.batch.lastOffset())
      },
      impatient,
    )
    await until(() => seen.includes('2') || hung.joins.length > 1)
    open()
    await until(() => refused !== null)
    expect((refused as { type?: string }).type).toMatch(
      /^(UNKNOWN_MEMBER_ID|ILLEGAL_GENERATION|REBALANCE_IN_PROGRESS)$/,
    )
    expect(await bench.committed(group, topic)).toBe('-1')
    await until(() => seen.includes('2'))
  },

  'waits at close for the batch under way and leaves its group at once': async (bench) => {
    const topic = await bench.topic(1)
    const group = bench.group()
    await bench.send(topic, 1)
    const { open, opened } = door()
    let begun = false
    const { consumer } = await bench.member(group, topic, async (delivery) => {
      begun = true
      await opened
      await take(delivery)
    })
    await until(() => begun)
    const closed = consumer.close()
    setTimeout(open, 300)
    await closed
    expect(await bench.committed(group, topic)).toBe('1')
    expect((await bench.admin.groupStates([group])).get(group)).toBe('Empty')
  },

  'knows topics, their bounds, groups and what they committed': async (bench) => {
    const topic = await bench.topic(2, { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] })
    // Making it again is no error.
    await bench.admin.createTopics([{ topic, numPartitions: 2 }])
    await bench.send(topic, 4)
    expect(await bench.admin.listTopics()).toContain(topic)
    expect(await bench.admin.haveLeaders([topic])).toBe(true)
    expect(await bench.admin.haveLeaders([`${topic}.not`])).toBe(false)
    const bounds = await bench.admin.topicOffsets(topic)
    expect(bounds.map(({ low }) => low)).toEqual(['0', '0'])
    expect(bounds.map(({ high }) => Number(high)).reduce((a, b) => a + b)).toBe(4)
    // A compacted topic refuses a record without a key, and the broker's word for it comes through.
    await expect(bench.send(topic, 1, 0, null)).rejects.toSatisfy(says('INVALID_RECORD'))
    const group = bench.group()
    expect((await bench.admin.groupStates([group])).get(group)).toBe('Dead')
    expect(await bench.committed(group, topic)).toBe('-1')
    const { consumer } = await bench.member(group, topic, take)
    await until(
      async () =>
        Number(await bench.committed(group, topic, bounds.find(({ high }) => high === '4')?.partition)) === 4,
    )
    expect(await bench.admin.listGroups()).toContain(group)
    expect((await bench.admin.groupStates([group])).get(group)).toBe('Stable')
    await consumer.close()
    await bench.admin.deleteGroups([group])
    expect(await bench.admin.listGroups()).not.toContain(group)
  },
}

/** A header that repeats and one without a value; kafkajs writes no such. */
async function repeatedHeaders(topic: string): Promise<void> {
  const producer = new Producer({ bootstrapBrokers: [...endpoints().brokers], clientId: 'messaging-spec' })
  const headers = new Map([
    [Buffer.from('twice'), Buffer.from('1')],
    [Buffer.from('twice'), Buffer.from('2')],
    [Buffer.from('none'), null as never],
  ])
  await producer.send({ messages: [{ topic, headers }], acks: ProduceAcks.ALL })
  await producer.close()
}

/** Whether an error, or one of its causes, is that answer of a broker. */
function says(type: string): (error: unknown) => boolean {
  return (error) => {
    for (let cause = error; cause instanceof Error; cause = cause.cause)
      if ((cause as { type?: unknown }).type === type) return true
    return false
  }
}
