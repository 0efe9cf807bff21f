import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { type TopicName, topics, type wire } from '@lethe/schemas'
import { PausedError, TerminalError } from '@lethe/service-host'
import { Kafka } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { endpoints } from '../../../infra/src/endpoints.js'
import { kafkaOptions, physicalTopic } from './config.js'
import { OffsetsMovedError } from './errors.js'
import type { ExternalOffsets, Incoming, Quarantined } from './incoming.js'
import { KafkaHarness, requested, until } from './kafka-harness.spec.js'

const TOPIC = 'erasure.requested' satisfies TopicName
const [broker] = endpoints().brokers
let world: KafkaHarness

/** Every socket of this process; the ones to Kafka are cut without a word. */
const sockets = new Set<Socket>()
subscribe('net.client.socket', (message) => sockets.add((message as { socket: Socket }).socket))
function cutConnections(): number {
  const open = [...sockets].filter(
    (socket) => !socket.destroyed && `${socket.remoteAddress}:${socket.remotePort}` === broker,
  )
  // As a reset by the network: kafkajs does not listen for 'close', which is all a plain destroy() gives.
  for (const socket of open) socket.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
  return open.length
}

beforeAll(async () => {
  world = await KafkaHarness.create()
})
afterAll(async () => {
  await world?.drop()
})

/** Each test gets messages of its own; what other tests sent is filtered out by header. */
let runs = 0
async function send(count: number, key: (index: number) => string = (i) => `key-${i % 10}`) {
  const run = `run-${++runs}`
  await world.producer.send(
    Array.from({ length: count }, (_, index) => ({
      topic: TOPIC,
      key: key(index),
      type: 'ErasureRequested',
      value: requested(`${run}-${index}`),
      headers: { run },
    })),
  )
  return { run, filter: (headers: Readonly<Record<string, string>>) => headers.run === run }
}
const id = ({ value }: Incoming<wire.ErasureRequested>) => value.requestId

describe('KafkaBatchStrategy', () => {
  it('handles every message once in quiet times, in order per key, and commits', async () => {
    const { filter } = await send(500)
    const seen: Incoming<wire.ErasureRequested>[] = []
    const group = world.group()
    const strategy = await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter },
      async (batch) => {
        seen.push(...batch)
      },
    )
    await until(() => seen.length >= 500)
    await strategy.close()
    expect(new Set(seen.map(id)).size).toBe(500)
    expect(seen).toHaveLength(500)
    for (const key of new Set(seen.map((item) => item.key))) {
      const order = seen.filter((item) => item.key === key).map((item) => Number(id(item).split('-')[2]))
      expect(order).toEqual([...order].sort((a, b) => a - b))
    }
    expect(seen[0]?.headers).toMatchObject({ ce_type: 'ErasureRequested', attempt: '1' })
    await world.drained(group, TOPIC)
  })

  it.each(['batch', 'keyed'] as const)('quarantines poison while other keys go on (%s)', async (mode) => {
    const { run, filter } = await send(60)
    const poison = new Set([`${run}-7`, `${run}-33`])
    const handled = new Set<string>()
    const told: Quarantined[] = []
    const group = world.group()
    await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode, filter, maxAttempts: 3, onDeadLetter: async (item) => void told.push(item) },
      async (batch) => {
        if (batch.some((item) => poison.has(id(item)))) throw new Error('some text with u1@example.org in it')
        for (const item of batch) handled.add(id(item))
      },
    )
    await world.drained(group, TOPIC)
    expect(handled.size).toBe(58)
    expect(told.map(({ value }) => (value as wire.ErasureRequested).requestId).sort()).toEqual(
      [...poison].sort(),
    )
  })

  it('pauses one partition on PausedError, spends no attempt, and goes on with the others', async () => {
    const { run, filter } = await send(60)
    let away = true
    const handled = new Set<string>()
    const blocked = new Set<number>()
    const dead: Quarantined[] = []
    const group = world.group()
    await world.consume<wire.ErasureRequested>(
      group,
      {
        topic: TOPIC,
        mode: 'batch',
        filter,
        maxAttempts: 2,
        onDeadLetter: async (item) => void dead.push(item),
      },
      async (batch) => {
        if (away && batch.some((item) => item.key === 'key-1')) {
          blocked.add(batch[0]?.partition ?? -1)
          throw new PausedError('clearance_unreachable', 'request is away')
        }
        for (const item of batch) handled.add(id(item))
      },
    )
    const elsewhere = await keysOutside(run, 'key-1')
    await until(() => elsewhere.every((requestId) => handled.has(requestId)))
    expect(blocked.size).toBe(1)
    expect(handled.has(`${run}-1`)).toBe(false)
    away = false
    await world.drained(group, TOPIC)
    expect(handled.size).toBe(60)
    expect(dead).toEqual([])
  })

  it('loses nothing when members join, leave and lose their connections', async () => {
    const group = world.group()
    const handled = new Set<string>()
    const handler = async (batch: readonly Incoming<wire.ErasureRequested>[]) => {
      for (const item of batch) handled.add(id(item))
    }
    const { run, filter } = await send(300, (i) => `k${i}`)
    const subscription = { topic: TOPIC, mode: 'batch', filter, maxBatch: 5 } as const
    const first = await world.consume(group, subscription, handler)
    const second = await world.consume(group, subscription, handler)
    await sendAs(run, 300, 300)
    await first.close()
    const third = await world.consume(group, subscription, handler)
    await sendAs(run, 600, 300)
    expect(cutConnections()).toBeGreaterThan(1)
    await sendAs(run, 900, 300)
    await second.close()
    cutConnections()
    await sendAs(run, 1_200, 300)
    await until(() => handled.size >= 1_500)
    await world.drained(group, TOPIC)
    await third.close()
    expect(handled.size).toBe(1_500)
  })

  it('hands a batch out again after a crash before its commit', async () => {
    const { filter } = await send(20, () => 'one')
    const group = world.group()
    const first: string[] = []
    let hang = true
    const stuck = await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter },
      async (batch, { signal }) => {
        first.push(...batch.map(id))
        if (hang)
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut'))))
      },
      { tuning: { shutdownMs: 100 } },
    )
    await until(() => first.length === 20)
    await stuck.close()
    hang = false
    const second: string[] = []
    await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter },
      async (batch) => {
        second.push(...batch.map(id))
      },
    )
    await until(() => second.length === 20)
    expect(second).toEqual(first)
  })

  it('restarts a consumer that makes no progress', async () => {
    const { filter } = await send(1)
    const group = world.group()
    let calls = 0
    let fatal = 0
    await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter },
      async (_, { signal }) => {
        calls += 1
        await new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('cut'))),
        )
      },
      {
        tuning: { stallMs: 500, maxRestarts: 1, shutdownMs: 50, sessionTimeoutMs: 6_000 },
        onFatal: () => void fatal++,
      },
    )
    await until(() => calls >= 2)
    expect(fatal).toBe(0)
  })

  it('keeps offsets in the handler’s own database and moves them by compare-and-set', async () => {
    const { filter } = await send(100)
    const group = world.group()
    const offsets = new StoredOffsets()
    const seen: string[] = []
    const consume = () =>
      world.consume<wire.ErasureRequested>(
        group,
        { topic: TOPIC, mode: 'batch', filter, maxBatch: 10, offsets },
        async (batch, { partition, position }) => {
          offsets.move(partition, position.from, position.next)
          seen.push(...batch.map(id))
        },
      )
    const first = await consume()
    await until(() => seen.length === 100)
    await world.drained(group, TOPIC)
    await first.close()
    expect(offsets.stored()).toEqual(await world.committed(group, TOPIC))
    // Kafka's copy runs ahead or behind: the stored offset decides.
    offsets.rewind()
    await consume()
    await until(() => seen.length === 200)
    expect(new Set(seen).size).toBe(100)
  })

  it('reads again from the stored offset when another member moved it', async () => {
    const { filter } = await send(30, () => 'one')
    const group = world.group()
    const offsets = new StoredOffsets()
    const seen: string[] = []
    let raced = false
    await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter, maxBatch: 10, offsets },
      async (batch, { partition, position }) => {
        if (!raced && seen.length === 10) {
          raced = true
          offsets.move(partition, position.from, position.next)
        }
        offsets.move(partition, position.from, position.next)
        seen.push(...batch.map(id))
      },
    )
    await world.drained(group, TOPIC)
    // The ten that the other member took are not handled here; nothing is handled twice.
    expect(seen).toHaveLength(20)
    expect(new Set(seen).size).toBe(20)
  })

  it('dead-letters bytes it can not read without copying them', async () => {
    const raw = new Kafka(kafkaOptions(world.kafka)).producer()
    await raw.connect()
    const good = world.codec.encode(TOPIC, 'ErasureRequested', requested('readable'))
    const unknown = Buffer.from(good)
    unknown.writeInt32BE(2_000_000_000, 1)
    const run = `run-${++runs}`
    const records = [
      { key: 'k', value: good.subarray(0, 12) },
      { key: 'k', value: unknown },
      { key: 'k', value: Buffer.from('{"json":true}') },
      { key: 'k', value: null },
      { key: null, value: good },
    ]
    await raw.send({
      topic: physicalTopic(world.kafka, TOPIC),
      messages: records.map((record) => ({
        ...record,
        partition: 0,
        headers: { run, ce_id: 'x' },
      })),
    })
    await raw.disconnect()
    const handled: string[] = []
    const dead: { code: string; item: Quarantined }[] = []
    const group = world.group()
    await world.consume<wire.ErasureRequested>(
      group,
      {
        topic: TOPIC,
        mode: 'batch',
        filter: (headers) => headers.run === run,
        onDeadLetter: async (item, error) => void dead.push({ item, code: (error as TerminalError).code }),
      },
      async (batch) => void handled.push(...batch.map(id)),
    )
    await world.drained(group, TOPIC)
    expect(handled).toEqual(['readable'])
    expect(dead.map(({ code }) => code)).toEqual([
      'undecodable',
      'schema_unknown',
      'undecodable',
      'undecodable',
    ])
    expect(dead.every(({ item }) => item.raw === null && item.value === null)).toBe(true)
  })

  async function sendAs(run: string, from: number, count: number): Promise<void> {
    await world.producer.send(
      Array.from({ length: count }, (_, index) => ({
        topic: TOPIC,
        key: `k${from + index}`,
        type: 'ErasureRequested',
        value: requested(`${run}-${from + index}`),
        headers: { run },
      })),
    )
  }

  /** Ids of the run that lie in other partitions than `key`. */
  async function keysOutside(run: string, key: string): Promise<string[]> {
    const group = world.group()
    const items: Incoming<wire.ErasureRequested>[] = []
    const look = await world.consume<wire.ErasureRequested>(
      group,
      { topic: TOPIC, mode: 'batch', filter: (headers) => headers.run === run },
      async (batch) => void items.push(...batch),
    )
    await until(() => items.length === 60)
    await look.close()
    const partition = items.find((item) => item.key === key)?.partition
    return items.filter((item) => item.partition !== partition).map(id)
  }
})

class StoredOffsets implements ExternalOffsets {
  private readonly next = new Map<number, string>()
  async load(_topic: TopicName, partitions: readonly number[]): Promise<Map<number, string>> {
    return new Map([...this.next].filter(([partition]) => partitions.includes(partition)))
  }
  async advance(_topic: TopicName, partition: number, from: string, next: string): Promise<void> {
    this.move(partition, from, next)
  }
  move(partition: number, from: string, next: string): void {
    if ((this.next.get(partition) ?? '0') !== from) throw new OffsetsMovedError()
    this.next.set(partition, next)
  }
  rewind(): void {
    for (const partition of this.next.keys()) this.next.set(partition, '0')
  }
  stored(): string[] {
    return Array.from(
      { length: topics[TOPIC].partitions },
      (_, partition) => this.next.get(partition) ?? '-1',
    )
  }
}
