import { readFile } from 'node:fs/promises'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freezePlan, type LogFixture, logFixture, newRequestId, receive, T0 } from '../../testing/fixtures.js'
import type { Queryable } from '../projection.js'
import type { RequestFilter } from './filter.js'
import { marksOf } from './marks.js'
import { type RequestOrder, requestOrders } from './order.js'
import { listRequests } from './page.js'
import { countRequests } from './query.js'

/** Enough that reading them all is not what a planner would choose. */
const REQUESTS = 40_000
/** A page has 50; what is read beside it, a hundred cells among it, is as much however many requests there are. */
const MOST = 700
/** Where an index does not know what is asked for: it is passed over once, and what is few counted. */
const MOST_SEARCHED = 45_000
const LIMIT = 50

/** A system with the marks of two others: whoever has those seems to have it. */
const lookalike = String(
  Array.from({ length: 10_000 }, (_, n) => `other-${n}`).find(
    (one) => marksOf(['cache', 'shop-pg', one]) === marksOf(['cache', 'shop-pg']),
  ),
)

let fixture: LogFixture

/** One real request, and copies of its rows: mostly of one tenant, regime and status, with few of each other kind. */
beforeAll(async () => {
  fixture = await logFixture()
  const id = newRequestId()
  await fixture.writer().transact([id], async (tx) => {
    tx.apply(id, receive(id), T0)
    tx.apply(id, freezePlan, T0 + 1)
  })
  const { pool } = fixture
  const changed: Readonly<Record<string, string>> = {
    request_id: `'copy-' || n`,
    tenant_id: `CASE WHEN n % 200 = 7 THEN 'small' ELSE 'acme' END`,
    regime: `CASE WHEN n % 500 = 3 THEN 'ccpa' ELSE 'gdpr' END`,
    status: `CASE WHEN n % 400 = 5 THEN 'FAILED' ELSE 'COMPLETED' END`,
    received_at: 'received_at + n * 1000',
    due_at: 'due_at + n * 1000 + n * 7919 % 600 * 1000',
    live_erased_at: `CASE WHEN n % 400 <> 5 THEN received_at + n * 1000 END`,
    // The older half, as in real life.
    backup_clear: `n < ${REQUESTS / 2} AND n % 400 <> 5`,
  }
  const copy = async (table: string, of: (column: string) => string) => {
    const { rows } = await pool.query<{ columns: string[] }>(
      `SELECT array_agg(column_name::text) AS columns FROM information_schema.columns
       WHERE table_schema = 'read_model' AND table_name = $1`,
      [table],
    )
    const columns = rows[0]?.columns ?? []
    await pool.query(
      `INSERT INTO read_model.${table} (${columns.join(', ')})
       SELECT ${columns.map(of).join(', ')} FROM read_model.${table}, generate_series(1, ${REQUESTS}) AS n`,
    )
  }
  await copy('requests', (column) => changed[column] ?? column)
  await copy('steps', (column) =>
    column === 'request_id' || column === 'received_at' ? (changed[column] as string) : column,
  )
  await pool.query(
    `UPDATE read_model.steps SET system_id = 'rare' WHERE request_id IN ('copy-11', 'copy-20000') AND step_id = 'cache#2'`,
  )
  // Of the oldest requests, and more than are gathered without a look down the order.
  await pool.query(
    `UPDATE read_model.steps SET system_id = 'retired' FROM generate_series(1000, 7999) AS n
     WHERE request_id = 'copy-' || n AND step_id = 'shop-pg#1'`,
  )
  await pool.query(
    `UPDATE read_model.steps SET system_id = $1 FROM generate_series(10000, 15999) AS n
     WHERE request_id = 'copy-' || n AND step_id = 'cache#2'`,
    [lookalike],
  )
  await mark(pool)
  // One was extended, one is due at once: both far from where their receipt would have them.
  await pool.query(
    `UPDATE read_model.requests SET due_at = due_at + CASE request_id WHEN 'copy-100' THEN 60 ELSE -29 END * 86400000::bigint
     WHERE request_id IN ('copy-100', 'copy-39000')`,
  )
  await pool.query('VACUUM ANALYZE read_model.requests, read_model.steps')
}, 240_000)
afterAll(() => fixture?.drop())

/** As the fold would have, of the systems the steps now have. */
async function mark(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ systems: string[]; ids: string[] }>(
    `SELECT systems, array_agg(request_id) AS ids FROM (
       SELECT request_id, array_agg(system_id ORDER BY system_id) AS systems FROM read_model.steps GROUP BY 1) AS one
     GROUP BY systems`,
  )
  for (const { systems, ids } of rows)
    await pool.query('UPDATE read_model.requests SET system_marks = $1 WHERE request_id = ANY ($2)', [
      marksOf(systems),
      ids,
    ])
}

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Join Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly PlanNode[]
}

/** Rows that were read from tables and indexes, and those thrown away on the way. */
function rowsRead(node: PlanNode): number {
  const { Plans: below = [] } = node
  const own = /Scan/.test(node['Node Type']) ? node['Actual Rows'] : 0
  const dropped =
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Join Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0)
  return below.reduce((sum, one) => sum + rowsRead(one), (own + dropped) * node['Actual Loops'])
}

async function explained(db: Queryable, text: string, values: unknown[] = []): Promise<number> {
  const { rows } = await db.query<{ 'QUERY PLAN': readonly { Plan: PlanNode }[] }>(
    `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
    values,
  )
  return rowsRead(rows[0]?.['QUERY PLAN'][0]?.Plan as PlanNode)
}

async function readBy(filter: RequestFilter, order: RequestOrder): Promise<number> {
  let read = 0
  const client = await fixture.pool.connect()
  const planner = {
    query: async (text: string, values: unknown[] = []) => {
      if (/FROM read_model/.test(text)) read += await explained(client, text, values)
      return client.query(text, values)
    },
    on: client.on.bind(client),
    off: client.off.bind(client),
    release: () => client.release(),
  }
  await listRequests({ connect: async () => planner } as unknown as Pool, filter, { limit: LIMIT, order })
  return read
}

const all = { tenants: '*' } as const
/** Deadlines of the 500 oldest, and of some in the middle. */
const oldest = { dueFrom: T0, dueBefore: T0 + 30 * 86_400_000 + 500_000 }
const middle = { dueFrom: T0 + 30 * 86_400_000 + 20_000_000, dueBefore: T0 + 30 * 86_400_000 + 21_000_000 }
const open = ['PENDING', 'IN_PROGRESS', 'FAILED']

/** What indexes know, in every order. */
const known: readonly (readonly [string, RequestFilter])[] = [
  ['nothing', all],
  ['a tenant that nearly all have', { tenants: ['acme'] }],
  ['a tenant that few have', { tenants: ['small'] }],
  ['a tenant that nobody has', { tenants: ['nobody'] }],
  ['no tenant', { tenants: [] }],
  ['a status that nearly all have', { ...all, statuses: ['COMPLETED'] }],
  ['a status that few have', { ...all, statuses: ['FAILED'] }],
  ['a status that nobody has', { ...all, statuses: ['AWAITING_IDENTITY'] }],
  ['several statuses', { ...all, statuses: open }],
  ['what is in no backup any more', { ...all, backupClear: true }],
  ['what is still in a backup', { ...all, liveErased: true, backupClear: false }],
  ['what is not gone', { ...all, liveErased: false }],
  ['what is gone and failed all the same', { ...all, statuses: ['FAILED'], liveErased: true }],
  ['a tenant and what is in no backup', { tenants: ['small'], backupClear: true }],
  ['a tenant and a status', { tenants: ['small', 'acme'], statuses: ['FAILED'] }],
]
/** What has to be looked for. */
const searched: readonly (readonly [string, RequestFilter])[] = [
  ['a system that all have', { ...all, systemId: 'cache' }],
  ['a system that two have', { ...all, systemId: 'rare' }],
  ['a system that nobody has', { ...all, systemId: 'none-there' }],
  ['a system that nobody has, of the largest tenant', { tenants: ['acme'], systemId: 'none-there' }],
  ['a system, a tenant and a status', { tenants: ['acme'], statuses: ['FAILED'], systemId: 'retired' }],
  ['a system and what is in no backup', { ...all, backupClear: true, systemId: 'cache' }],
  ['a regime that few have', { ...all, regimes: ['ccpa'] }],
  ['a regime that nobody has', { ...all, regimes: ['utah'] }],
  ['a regime that nearly all have, and a status', { ...all, regimes: ['gdpr'], statuses: ['FAILED'] }],
  ['the oldest deadlines', { ...all, ...oldest }],
  ['deadlines in the middle', { ...all, ...middle }],
  ['deadlines in the middle, and a status', { ...all, ...middle, statuses: ['FAILED'] }],
  ['deadlines in the middle, a tenant and a system', { tenants: ['small'], ...middle, systemId: 'cache' }],
  ['a system that all have, and a status that few have', { ...all, statuses: ['FAILED'], systemId: 'cache' }],
  ['a system that old requests have, and a tenant', { tenants: ['small'], systemId: 'retired' }],
  ['a system that old requests have, and a status', { ...all, statuses: open, systemId: 'retired' }],
  ['a regime that few have, and a tenant', { tenants: ['acme'], regimes: ['ccpa'] }],
  [
    'two regimes, a tenant and a status',
    { tenants: ['acme'], regimes: ['ccpa', 'gdpr'], statuses: ['FAILED'] },
  ],
  ['the oldest deadlines, and a regime', { ...all, ...oldest, regimes: ['gdpr'] }],
  [
    'deadlines to come, a tenant and what is in a backup',
    { tenants: ['acme'], dueFrom: middle.dueFrom, backupClear: false },
  ],
  ['no open task', { ...all, taskOpen: false }],
  ['no open task, a tenant and a status', { tenants: ['small'], statuses: ['COMPLETED'], taskOpen: false }],
  ['an open task', { ...all, taskOpen: true }],
  ['ids', { ...all, requestIds: ['copy-77', 'copy-39999', 'nobody'] }],
]
/** Many, and at one end of the order of receipt: from the other end all of them are gathered. */
const apart: readonly (readonly [string, RequestFilter])[] = [
  ['a system that only old requests have', { ...all, systemId: 'retired' }],
  ['a system that seems to be everywhere', { ...all, systemId: lookalike }],
  ['a system that seems to be everywhere, and a tenant', { tenants: ['small'], systemId: lookalike }],
  ['a deadline to come', { ...all, dueFrom: middle.dueFrom }],
  ['a deadline to come, of a tenant', { tenants: ['acme'], dueFrom: middle.dueFrom }],
  ['a deadline gone by', { ...all, dueBefore: middle.dueFrom }],
]
const orders = requestOrders.map((order) => [order])

/** Every request, with what filters ask of it. */
async function everything() {
  const { rows } = await fixture.pool.query<{ [column: string]: string }>(
    `SELECT request.*, (SELECT array_agg(system_id) FROM read_model.steps AS step
       WHERE step.request_id = request.request_id) AS systems FROM read_model.requests AS request`,
  )
  return rows.map((row) => ({
    id: String(row['request_id']),
    tenant: String(row['tenant_id']),
    status: String(row['status']),
    regime: String(row['regime']),
    received: Number(row['received_at']),
    due: Number(row['due_at']),
    liveErased: row['live_erased_at'] !== null,
    backupClear: String(row['backup_clear']) === 'true',
    systems: row['systems'] as unknown as string[],
  }))
}
type One = Awaited<ReturnType<typeof everything>>[number]

const within = <Value>(wanted: readonly Value[] | undefined, value: Value) => wanted?.includes(value) ?? true
/** The filter said once more. There are no tasks here. */
const fits = (filter: RequestFilter) => (one: One) =>
  (filter.tenants === '*' || filter.tenants.includes(one.tenant)) &&
  within(filter.statuses, one.status) &&
  within(filter.requestIds, one.id) &&
  within(filter.regimes, one.regime) &&
  (filter.systemId === undefined || one.systems.includes(filter.systemId)) &&
  one.due >= (filter.dueFrom ?? 0) &&
  one.due < (filter.dueBefore ?? Number.MAX_SAFE_INTEGER) &&
  filter.taskOpen !== true &&
  (filter.liveErased ?? one.liveErased) === one.liveErased &&
  (filter.backupClear ?? one.backupClear) === one.backupClear

function sorted(rows: readonly One[], order: RequestOrder): readonly One[] {
  const at = order.startsWith('due') ? (one: One) => one.due : (one: One) => one.received
  const ascending = order === 'due' || order === 'oldest' ? 1 : -1
  return [...rows].sort((a, b) => ascending * (at(a) - at(b) || (a.id < b.id ? -1 : 1)))
}

describe('a page of the list of requests', () => {
  describe.each(orders)('in the order %s', (order) => {
    it.each(known)('by %s reads about as many rows as it shows, not all there are', async (_what, filter) => {
      expect(await readBy(filter, order)).toBeLessThan(MOST)
    })

    it.each(searched)('by %s looks for them for a while, and not everywhere', async (_what, filter) => {
      expect(await readBy(filter, order)).toBeLessThan(MOST_SEARCHED)
    })

    it('has what fits, all of it and in order, and the next page what comes then', async () => {
      const rows = await everything()
      for (const [what, filter] of [...known, ...searched, ...apart]) {
        const wanted = sorted(rows.filter(fits(filter)), order).map(({ id }) => id)
        const first = await listRequests(fixture.pool, filter, { limit: LIMIT, order })
        const { nextCursor: cursor } = first
        const second =
          cursor === null ? null : await listRequests(fixture.pool, filter, { limit: 2_000, order, cursor })
        const got = [...first.items, ...(second?.items ?? [])].map(({ requestId }) => requestId)
        expect(got, what).toEqual(wanted.slice(0, LIMIT + 2_000))
        expect(second?.nextCursor === null || cursor === null, what).toBe(wanted.length <= LIMIT + 2_000)
      }
    })
  })

  it('finds requests of before the marks, which a migration made as the fold does', async () => {
    const file = await readFile(
      new URL('../../../../event-store/migrations/0023_list-marks.sql', import.meta.url),
      'utf8',
    )
    const [marks] = /WITH digests[^;]*;/.exec(file) ?? []
    if (marks === undefined) throw new Error('the migration does not make marks')
    const read = 'SELECT request_id, system_marks FROM read_model.requests ORDER BY request_id'
    const client = await fixture.pool.connect()
    try {
      const folded = await client.query(read)
      await client.query('BEGIN')
      await client.query('UPDATE read_model.requests SET system_marks = 0')
      await client.query(marks)
      expect((await client.query(read)).rows).toEqual(folded.rows)
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  }, 120_000)

  it('is of as many as are counted', async () => {
    const rows = await everything()
    for (const [what, filter] of [...known, ...searched, ...apart]) {
      const counted = [...(await countRequests(fixture.pool, filter)).values()].reduce((sum, n) => sum + n, 0)
      expect(counted, what).toBe(rows.filter(fits(filter)).length)
    }
  })

  it('would be seen to read everything by a condition that is asked of every request', async () => {
    const read = await explained(
      fixture.pool,
      `SELECT request_id FROM read_model.requests AS request
       WHERE ($1::text IS NULL OR EXISTS (SELECT FROM read_model.steps AS step
         WHERE step.request_id = request.request_id AND step.system_id = $1))
       ORDER BY received_at DESC, request_id DESC LIMIT ${LIMIT}`,
      ['none-there'],
    )
    expect(read).toBeGreaterThan(REQUESTS)
  })
})
