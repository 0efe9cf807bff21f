import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  freezePlan,
  hold,
  type LogFixture,
  logFixture,
  newRequestId,
  receive,
  T0,
} from '../../testing/fixtures.js'
import { InvalidCursor, type RequestOrder, requestOrders } from './order.js'
import { listRequests } from './page.js'
import { countOpenTasks, countRequests, dueRequests, findRequest, nextWakeAt } from './query.js'

let fixture: LogFixture
const acme: string[] = []
const other: string[] = []

/** Seven requests of acme and three of other, a second apart; the last two of acme are planned. */
beforeAll(async () => {
  fixture = await logFixture()
  const log = fixture.writer()
  for (let n = 0; n < 10; n++) {
    const [ids, tenantId] = n < 7 ? [acme, 'acme'] : [other, 'other']
    const id = newRequestId()
    ids.push(id)
    await log.transact([id], async (tx) =>
      tx.apply(id, receive(id, { tenantId, receivedAt: T0 + n * 1_000 }), T0 + n * 1_000),
    )
  }
  const planned = acme.slice(5)
  await log.transact(planned, async (tx) => {
    for (const id of planned) tx.apply(id, freezePlan, T0 + 20_000)
  })
})
afterAll(() => fixture?.drop())

describe('the list of requests', () => {
  it('gives every request once, newest first, in pages that hold while others arrive', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<typeof listRequests>> = await listRequests(
        fixture.pool,
        { tenants: ['acme'] },
        { limit: 3, cursor },
      )
      expect(page.items.length).toBeLessThanOrEqual(3)
      seen.push(...page.items.map(({ requestId }) => requestId))
      cursor = page.nextCursor
      const late = newRequestId()
      await fixture
        .writer()
        .transact([late], async (tx) =>
          tx.apply(late, receive(late, { tenantId: 'late', receivedAt: T0 + 3_600_000 }), T0),
        )
    } while (cursor !== null)
    expect(seen).toEqual([...acme].reverse())
  })

  it('shows nobody another tenant, and nothing to a scope without tenants', async () => {
    const of = async (tenants: readonly string[] | '*') =>
      (await listRequests(fixture.pool, { tenants }, { limit: 100 })).items.map(({ tenantId }) => tenantId)
    expect(new Set(await of(['other']))).toEqual(new Set(['other']))
    expect(new Set(await of(['acme', 'other']))).toEqual(new Set(['acme', 'other']))
    expect(await of([])).toEqual([])
    expect(new Set(await of('*')).size).toBeGreaterThanOrEqual(3)
    expect(await findRequest(fixture.pool, acme[0] ?? '', ['other'])).toBeNull()
    expect(await findRequest(fixture.pool, acme[0] ?? '', ['acme'])).toMatchObject({ requestId: acme[0] })
  })

  it('can be read from the other end in both orders, in pages that give each once', async () => {
    const all = async (order: RequestOrder): Promise<string[]> => {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: Awaited<ReturnType<typeof listRequests>> = await listRequests(
          fixture.pool,
          { tenants: ['acme', 'other'] },
          { limit: 3, cursor, order },
        )
        seen.push(...page.items.map(({ requestId }) => requestId))
        cursor = page.nextCursor
      } while (cursor !== null)
      return seen
    }
    expect(await all('received')).toHaveLength(10)
    expect(await all('oldest')).toEqual((await all('received')).reverse())
    expect(await all('due-last')).toEqual((await all('due')).reverse())
    expect(requestOrders).toHaveLength(4)
  })

  it('comes with the nearest deadline first when asked to, and refuses a cursor of the other order', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<typeof listRequests>> = await listRequests(
        fixture.pool,
        { tenants: ['acme'] },
        { limit: 3, cursor, order: 'due' },
      )
      seen.push(...page.items.map(({ requestId }) => requestId))
      cursor = page.nextCursor
      if (cursor !== null)
        await expect(listRequests(fixture.pool, { tenants: ['acme'] }, { limit: 3, cursor })).rejects.toThrow(
          InvalidCursor,
        )
    } while (cursor !== null)
    expect(seen).toEqual(acme)
  })

  it('has as many requests as are counted with the same filter', async () => {
    const due = T0 + 30 * 86_400_000
    for (const filter of [
      {},
      { systemId: 'cache' },
      { dueFrom: due + 2_000, dueBefore: due + 4_000 },
      { regimes: ['gdpr'] },
      { regimes: ['ccpa'] },
      { liveErased: false, backupClear: false },
      { liveErased: true },
    ]) {
      const all = { tenants: ['acme'], ...filter }
      const { items } = await listRequests(fixture.pool, all, { limit: 100 })
      const counted = [...(await countRequests(fixture.pool, all)).values()].reduce((sum, n) => sum + n, 0)
      expect(counted, JSON.stringify(filter)).toBe(items.length)
    }
    const { items } = await listRequests(
      fixture.pool,
      { tenants: ['acme'], dueFrom: due + 2_000, dueBefore: due + 4_000 },
      { limit: 100 },
    )
    expect(items.map(({ requestId }) => requestId)).toEqual([acme[3], acme[2]])
  })

  it('is narrowed by status, by planned system, by due date and by ids', async () => {
    const list = async (filter: object) =>
      (await listRequests(fixture.pool, { tenants: ['acme'], ...filter }, { limit: 100 })).items.map(
        ({ requestId }) => requestId,
      )
    const planned = acme.slice(5).reverse()
    expect(await list({ systemId: 'shop-pg' })).toEqual(planned)
    expect(await list({ systemId: 'nowhere' })).toEqual([])
    const status = (await findRequest(fixture.pool, planned[0] ?? '', '*'))?.status ?? ''
    expect(await list({ statuses: [status] })).toEqual(planned)
    expect(await list({ dueBefore: T0 + 30 * 86_400_000 + 2_000 })).toEqual([acme[1], acme[0]])
    expect(await list({ requestIds: [acme[3], other[0]] })).toEqual([acme[3]])
  })

  it('refuses a cursor it never gave', async () => {
    for (const cursor of [
      'nonsense',
      Buffer.from('[1]').toString('base64url'),
      Buffer.from('{}').toString('base64url'),
    ])
      await expect(listRequests(fixture.pool, { tenants: '*' }, { limit: 1, cursor })).rejects.toBeInstanceOf(
        InvalidCursor,
      )
  })

  it('gives times as numbers and counts the systems of the plan', async () => {
    const row = await findRequest(fixture.pool, acme[6] ?? '', '*')
    expect(row).toMatchObject({
      receivedAt: T0 + 6_000,
      dueAt: T0 + 6_000 + 30 * 86_400_000,
      mapVersion: 7,
      systemsTotal: 2,
      systemsDone: 0,
      holds: [],
      backupClear: false,
    })
  })
})

describe('due timers', () => {
  it('are given longest waiting first, without those another transaction is moving', async () => {
    const wake = (await nextWakeAt(fixture.pool)) ?? 0
    expect(wake).toBeGreaterThan(0)
    const all = await dueRequests(fixture.pool, Number.MAX_SAFE_INTEGER, 100)
    expect(all).toEqual(expect.arrayContaining(acme.slice(5)))
    expect(await dueRequests(fixture.pool, wake - 1, 100)).toEqual([])
    expect(await dueRequests(fixture.pool, Number.MAX_SAFE_INTEGER, 1)).toHaveLength(1)

    const client = await fixture.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT 1 FROM read_model.requests WHERE request_id = $1 FOR UPDATE', [acme[5]])
      const others = await dueRequests(fixture.pool, Number.MAX_SAFE_INTEGER, 100)
      expect(others).toContain(acme[6])
      expect(others).not.toContain(acme[5])
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })

  it('are gone when a hold stops the request', async () => {
    const id = acme[6] ?? ''
    await fixture.writer().transact([id], async (tx) => tx.apply(id, hold('h1'), T0 + 30_000))
    expect(await dueRequests(fixture.pool, T0 + 86_400_000, 100)).not.toContain(id)
  })
})

describe('tasks that wait for a person', () => {
  it('are found and counted while they wait, and no longer when they are stopped or done', async () => {
    const log = fixture.writer()
    const [open, held, done, none] = [newRequestId(), newRequestId(), newRequestId(), newRequestId()]
    const byHand = { role: 'operator', withinMs: 1_000 }
    const tombstone = { tombstoneId: `tombstone-of-${done}`, epoch: 'epoch-1' }
    await log.transact([open, held, done, none], async (tx) => {
      for (const id of [open, held, done, none]) tx.apply(id, receive(id, { tenantId: 'paper' }), T0)
      tx.apply(none, freezePlan, T0)
      if (freezePlan.type !== 'FreezePlan') throw new Error('it freezes a plan')
      const [system] = freezePlan.plan.systems
      if (system === undefined) throw new Error('it has a system')
      const steps = [{ stepId: 'archive#1', systemId: 'archive', stage: 1, after: [] }]
      const systems = [{ ...system, systemId: 'archive', kind: 'manual', derivedFrom: [], byHand }]
      for (const id of [open, held, done])
        tx.apply(id, { type: 'FreezePlan', plan: { ...freezePlan.plan, steps, systems } }, T0)
      tx.apply(held, hold('h'), T0)
      tx.apply(done, { type: 'TakeTask', systemId: 'archive', grantId: 'g', by: 'olga', tombstone }, T0)
      const said = { outcome: 'erased', records: 1, doneAt: T0, by: 'olga', evidenceRef: 'n' } as const
      expect(tx.apply(done, { type: 'AttestTask', systemId: 'archive', ...said }, T0).ok).toBe(true)
    })
    const of = async (taskOpen: boolean) =>
      (await listRequests(fixture.pool, { tenants: ['paper'], taskOpen }, { limit: 10 })).items.map(
        ({ requestId }) => requestId,
      )
    expect(await of(true)).toEqual([open])
    expect((await of(false)).sort()).toEqual([held, done, none].sort())
    const overdue = async (at: number) =>
      (await listRequests(fixture.pool, { tenants: '*', taskDueBefore: at }, { limit: 10 })).items.map(
        ({ requestId }) => requestId,
      )
    // The task opened at T0 and was to be done a second later.
    expect(await overdue(T0 + 1_000)).toEqual([])
    expect(await overdue(T0 + 1_001)).toEqual([open])
    expect(await countOpenTasks(fixture.pool, '*', T0 + 1_000)).toEqual({ open: 1, overdue: 0 })
    expect(await countOpenTasks(fixture.pool, '*', T0 + 1_001)).toEqual({ open: 1, overdue: 1 })
    expect(await countOpenTasks(fixture.pool, ['acme'], T0 + 1_001)).toEqual({ open: 0, overdue: 0 })
    expect(await countOpenTasks(fixture.pool, [], T0 + 1_001)).toEqual({ open: 0, overdue: 0 })
    expect(await findRequest(fixture.pool, done, '*')).toMatchObject({ systemsDone: 1, status: 'COMPLETED' })
  })

  it('are read along an index that holds nothing else', async () => {
    const client = await fixture.pool.connect()
    try {
      await client.query('BEGIN; SET LOCAL enable_seqscan = off')
      const { rows } = await client.query(
        "EXPLAIN SELECT count(DISTINCT request_id) FROM read_model.steps WHERE detail #>> '{task,state}' = 'open'",
      )
      expect(JSON.stringify(rows)).toContain('steps_tasks_open')
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })
})
