import type { wire } from '@lethe/schemas'
import { PausedError, type TerminalError } from '@lethe/service-host'
import { Kafka } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kafkaOptions } from './client/kafkajs/options.js'
import { kafkaClients } from './client/port.js'
import { physicalTopic } from './config.js'
import type { Incoming, Quarantined } from './incoming.js'
import { KafkaHarness, requested, until } from './kafka-harness.spec.js'
import { id, Runs, TOPIC } from './kafka-runs.spec.js'

let world: KafkaHarness
let runs: Runs

describe.each(kafkaClients)('KafkaBatchStrategy, with %s', (client) => {
  beforeAll(async () => {
    world = await KafkaHarness.create(client)
    runs = new Runs(world)
  })
  afterAll(async () => {
    await world?.drop()
  })

  it('handles every message once in quiet times, in order per key, and commits', async () => {
    const { filter } = await runs.send(500)
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
    const { run, filter } = await runs.send(60)
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
    const { run, filter } = await runs.send(60)
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
    const elsewhere = await runs.keysOutside(run, 'key-1')
    await until(() => elsewhere.every((requestId) => handled.has(requestId)))
    expect(blocked.size).toBe(1)
    expect(handled.has(`${run}-1`)).toBe(false)
    away = false
    await world.drained(group, TOPIC)
    expect(handled.size).toBe(60)
    expect(dead).toEqual([])
  })

  it('dead-letters bytes it can not read without copying them', async () => {
    const raw = new Kafka(kafkaOptions(world.kafka)).producer()
    await raw.connect()
    const good = world.codec.encode(TOPIC, 'ErasureRequested', requested('readable'))
    const unknown = Buffer.from(good)
    unknown.writeInt32BE(2_000_000_000, 1)
    const run = runs.next()
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
})
