import { randomUUID } from 'node:crypto'
import { consumerGroupsTool, endpoints, eventually, openContext } from '@lethe/infra'
import {
  KafkaBatchStrategy,
  MessageCodec,
  MessageProducer,
  physicalGroup,
  physicalTopic,
  withAdmin,
} from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { LagView, PartitionView } from './application/lag.js'
import type { Aged } from './application/looks.js'
import { outside } from './testing/between-looks.js'
import { type Ops, Stand, tokens } from './testing/stand.js'

type Answered = Aged & LagView

const group = 'eraser.shop-pg'
const topic = 'erasure.requested'
let stand: Stand
let ops: Ops
let codec: MessageCodec
let producer: MessageProducer
let consumer: KafkaBatchStrategy | null = null

beforeAll(async () => {
  stand = await Stand.open()
  ops = await stand.start()
  codec = await MessageCodec.connect(endpoints().registryUrl, { register: true })
  producer = new MessageProducer({ kafka: stand.kafka, codec })
  await producer.connect()
})

afterAll(async () => {
  await consumer?.close()
  await producer.disconnect()
  await stand.close()
})

const requested = (): wire.ErasureRequested => {
  const requestId = randomUUID()
  return {
    requestId,
    tenantId: 'shop',
    subjectRef: `s-${requestId}`,
    mapVersion: 1,
    passes: [{ systemId: 'shop-pg', stepId: 'shop-pg#1', passId: 'shop-pg#1/initial', attempt: 1 }],
    requestedAt: 1_700_000_000_000,
  }
}

async function publish(count: number): Promise<void> {
  const values = Array.from({ length: count }, requested)
  await producer.send(
    values.map((value) => ({ topic, key: value.subjectRef, type: 'ErasureRequested', value })),
  )
}

/** A real member of the group that takes its time. */
async function consume(): Promise<KafkaBatchStrategy> {
  const strategy = new KafkaBatchStrategy({
    kafka: { ...stand.kafka, clientId: 'slow-eraser' },
    group,
    codec,
    subscriptions: [{ topic, mode: 'batch', maxBatch: 5 }],
    tuning: { maxWaitMs: 50, heartbeatIntervalMs: 200 },
    onFatal: (error) => {
      throw error
    },
  }).handle(topic, () => new Promise((resolve) => setTimeout(resolve, 5)))
  await new Promise<void>((resolve, reject) => {
    void strategy.listen((error?: unknown) => (error ? reject(error) : resolve()))
  })
  return strategy
}

/** Kafka's own numbers, by partition. */
const ends = () =>
  withAdmin(stand.kafka, async (admin) => {
    const found = await admin.topicOffsets(physicalTopic(stand.kafka, topic))
    return new Map(found.map(({ partition, high }) => [partition, Number(high)]))
  })
const commits = () =>
  withAdmin(stand.kafka, async (admin) => {
    const groupId = physicalGroup(stand.kafka, group)
    const [found] = await admin.committedOffsets(groupId, [physicalTopic(stand.kafka, topic)])
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]))
  })

const lag = async (maxAgeMs = 0): Promise<Answered> => {
  const { status, body } = await ops.get<Answered>(`/v1/lag?maxAgeMs=${maxAgeMs}`)
  expect(status).toBe(200)
  return body
}
const of = (view: LagView, name: string): PartitionView[] =>
  view.partitions.filter((partition) => partition.group === name)

/** Partitions whose reported lag is lower than Kafka's end before the question less its commit after it. */
async function tooLow(ask: () => Promise<LagView>): Promise<PartitionView[]> {
  const before = await ends()
  const view = await ask()
  const after = await commits()
  return of(view, group).filter(
    ({ partition, lag: shown }) =>
      shown === null || shown < (before.get(partition ?? -1) ?? 0) - (after.get(partition ?? -1) ?? 0),
  )
}

/** Publishes without end, until what is returned is called. */
function underLoad(): () => Promise<void> {
  let loading = true
  const load = (async () => {
    while (loading) await publish(20)
  })()
  return () => {
    loading = false
    return load
  }
}

const sorted = <T extends { topic: string; partition: number | null }>(rows: readonly T[]): T[] =>
  rows.toSorted((a, b) => a.topic.localeCompare(b.topic) || (a.partition ?? -1) - (b.partition ?? -1))

describe('lag', () => {
  it('is shown for everybody who should be there, also for who has never been seen', async () => {
    // The topics were made a moment ago: while a partition has no leader yet its end is unknown, and shown so.
    const view = await vi.waitUntil(
      async () => {
        const now = await lag()
        return now.groups.some((one) => one.lag === null) ? null : now
      },
      { timeout: 20_000, interval: 200 },
    )
    expect(view.groups.map((one) => one.group).sort()).toEqual([
      'aggregator',
      'eraser.cache',
      'eraser.shop-pg',
      'probe.cache',
      'probe.shop-pg',
      'request.intake',
      'request.outbox',
      'restore',
      'restore.chain',
    ])
    for (const one of view.groups)
      expect(one).toMatchObject({ health: 'silent', members: 0, lag: 0, deadLetters: 0 })
    expect(of(view, 'aggregator')).toHaveLength(6)
  })

  it('without a commit is everything there is, and what it has no answer to is null with a reason', async () => {
    await publish(60)
    const view = await lag()
    expect(view.groups.find((one) => one.group === group)).toMatchObject({ lag: 60, health: 'silent' })
    for (const one of of(view, group))
      expect(one).toMatchObject({ committed: null, unknown: { committed: 'no_commit_yet' } })
    for (const one of view.partitions)
      for (const [name, value] of Object.entries(one))
        if (value === null && !['mirrored', 'assignedTo', 'lagMsAtLeast'].includes(name))
          expect(one.unknown, `${one.group} ${name}`).toHaveProperty(name)
  })

  it('is never lower than the truth under load, and the check would see one from the cache that is', async () => {
    consumer = await consume()
    const unload = underLoad()
    for (let turn = 0; turn < 12; turn++) expect(await tooLow(lag)).toEqual([])
    await consumer.close()
    consumer = null
    const cached = await lag()
    await publish(60)
    expect((await tooLow(async () => cached)).length).toBeGreaterThan(0)
    expect(await tooLow(lag)).toEqual([])
    await unload()
  })

  it('agrees with kafka-consumer-groups --describe, per partition', async () => {
    const context = await openContext()
    const told = await consumerGroupsTool(context, [physicalGroup(stand.kafka, group)])
    const shown = of(await lag(), group)
    expect(shown.some((one) => (one.lag ?? 0) > 0)).toBe(true)
    expect(
      sorted(shown).map(({ partition, committed, end, lag: its }) => ({
        partition,
        committed,
        end,
        lag: its,
      })),
    ).toEqual(
      sorted(told).map(({ partition, committed, end, lag: its }) => ({
        partition,
        committed,
        end,
        lag: its,
      })),
    )
  })

  it('agrees with kafka-consumer-groups while messages come and go: what the tool says lies between two looks', async () => {
    const context = await openContext()
    consumer = await consume()
    const unload = underLoad()
    let before = await lag()
    for (let turn = 0; turn < 2; turn++) {
      const told = await consumerGroupsTool(context, [physicalGroup(stand.kafka, group)])
      const after = await lag()
      expect(told).toHaveLength(of(after, group).length)
      expect(outside(of(before, group), told, of(after, group))).toEqual([])
      // It was under load: the end moved meanwhile. And a look that is too old would be seen.
      expect(outside(of(before, group), told, of(before, group)).length).toBeGreaterThan(0)
      before = after
    }
    await unload()
    await consumer.close()
    consumer = null
  }, 240_000)

  it('tells who has a partition, how fast it shrinks, and that it is gone in the end', async () => {
    consumer = await consume()
    await publish(200)
    await eventually(
      async () => of(await lag(), group).every((one) => one.assignedTo === 'slow-eraser' && one.lastCommitAt),
      { deadlineMs: 30_000, late: () => new Error('never seen moving') },
    )
    await eventually(
      async () => {
        const one = (await lag()).groups.find((known) => known.group === group)
        return one?.lag === 0 && one.health === 'up' && one.catchUpMs === 0
      },
      { deadlineMs: 60_000, late: () => new Error('never caught up') },
    )
    for (const one of of(await lag(), group))
      expect(one).toMatchObject({ lag: 0, lagMs: 0, catchUpMs: 0, state: 'Stable', members: 1 })
  })

  it('of the aggregator is read where its offsets live, with the mirrored ones beside them', async () => {
    await producer.sendRaw(
      Array.from({ length: 30 }, (_, index) => ({
        topic: 'erasure.acknowledged',
        key: String(index),
        value: Buffer.from('x'),
        headers: {},
      })),
    )
    const before = of(await lag(), 'aggregator')
    const some = before.find((one) => (one.end ?? 0) > 1) as PartitionView
    await stand.pool.query(
      "INSERT INTO inbox.offsets VALUES ('aggregator', 'erasure.acknowledged', $1, $2)",
      [some.partition, (some.end ?? 0) - 1],
    )
    const found = of(await lag(), 'aggregator').find((one) => one.partition === some.partition)
    expect(found).toMatchObject({
      positionIn: 'postgresql',
      lag: 1,
      committed: (some.end ?? 0) - 1,
      mirrored: null,
    })
  })

  it('comes from the cache when that is young enough, and says how old it is', async () => {
    const first = await lag()
    const again = await lag(60_000)
    expect(again.measuredAt).toBeGreaterThanOrEqual(first.measuredAt)
    expect(again.ageMs).toBeGreaterThanOrEqual(0)
    expect((await lag(0)).measuredAt).toBeGreaterThan(again.measuredAt)
  })

  it('is unknown, never zero, when the broker is not there, and so is what rests on it', async () => {
    const blind = await stand.start({ kafka: { ...stand.kafka, brokers: ['127.0.0.1:1'] } })
    const { body } = await blind.get<Answered>('/v1/lag?maxAgeMs=0')
    expect(body.groups).toHaveLength(9)
    for (const one of [...body.groups, ...body.partitions]) {
      expect(one).toMatchObject({ lag: null, catchUpMs: null, state: null, members: null, deadLetters: null })
      expect(one.unknown['deadLetters']).toBe('kafka_unreachable')
      expect(one.unknown['lag']).toBe('kafka_unreachable')
    }
    expect(body.groups.every(({ health }) => health === 'unknown')).toBe(true)
    expect(body.slots).toEqual([])
  })

  it('shows Debezium and its slot, and what of them is not known', async () => {
    const view = await lag()
    expect(view.connector).toMatchObject({ state: null, tasks: null, unknown: 'connector_missing' })
    const deaf = await stand.start({ connectUrl: 'http://127.0.0.1:1' })
    expect((await deaf.get<Answered>('/v1/lag')).body.connector.unknown).toBe('connect_unreachable')
    const slot = `ops_${randomUUID().replaceAll('-', '')}`
    await stand.pool.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot])
    try {
      const [row] = (await lag()).slots ?? []
      expect(row).toMatchObject({ slot, active: false, walStatus: 'reserved' })
      expect(row?.retainedBytes).toBeGreaterThanOrEqual(row?.lagBytes ?? Number.NaN)
    } finally {
      await stand.pool.query('SELECT pg_drop_replication_slot($1)', [slot])
    }
  })

  it('is for staff only', async () => {
    expect((await ops.get('/v1/lag', null)).status).toBe(401)
    expect((await ops.get('/v1/lag', tokens.expired)).status).toBe(401)
    expect((await ops.get('/v1/lag', tokens.service)).status).toBe(403)
    expect((await ops.get('/v1/lag', tokens.eraser)).status).toBe(403)
    expect((await ops.get('/v1/lag?maxAgeMs=')).status).toBe(400)
    expect((await ops.get('/openapi.json', null)).status).toBe(200)
  })
})
