import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freezePlan, type LogFixture, logFixture, newRequestId, receive, T0 } from '../../testing/fixtures.js'
import type { Queryable } from '../projection.js'
import { listRequests, type RequestFilter, type RequestOrder } from './query.js'

/** Enough that reading them all is not what a planner would choose. */
const REQUESTS = 40_000
/** A page has 50; what is read beside it has to stay of that order, however many requests there are. */
const MOST = 500
const LIMIT = 50

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
    due_at: 'due_at + n * 1000',
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
  await copy('steps', (column) => (column === 'request_id' ? `'copy-' || n` : column))
  await pool.query(
    `UPDATE read_model.steps SET system_id = 'rare' WHERE request_id IN ('copy-11', 'copy-20000') AND step_id = 'cache#2'`,
  )
  await pool.query('VACUUM ANALYZE read_model.requests, read_model.steps')
}, 240_000)
afterAll(() => fixture?.drop())

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

async function explained(text: string, values: unknown[] = []): Promise<number> {
  const { rows } = await fixture.pool.query<{ 'QUERY PLAN': readonly { Plan: PlanNode }[] }>(
    `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
    values,
  )
  return rowsRead(rows[0]?.['QUERY PLAN'][0]?.Plan as PlanNode)
}

async function readBy(filter: RequestFilter, order: RequestOrder): Promise<number> {
  let read = Number.NaN
  const planner = {
    query: async (text: string, values: unknown[]) => {
      read = await explained(text, values)
      return { rows: [] }
    },
  }
  await listRequests(planner as unknown as Queryable, filter, { limit: LIMIT, order })
  return read
}

const all = { tenants: '*' } as const
const filters: readonly (readonly [string, RequestFilter])[] = [
  ['nothing', all],
  ['a tenant that nearly all have', { tenants: ['acme'] }],
  ['a tenant that few have', { tenants: ['small'] }],
  ['a tenant that nobody has', { tenants: ['nobody'] }],
  ['a status that nearly all have', { ...all, statuses: ['COMPLETED'] }],
  ['a status that few have', { ...all, statuses: ['FAILED'] }],
  ['a status that nobody has', { ...all, statuses: ['AWAITING_IDENTITY'] }],
  ['a system that all have', { ...all, systemId: 'shop-pg' }],
  ['a system that two have', { ...all, systemId: 'rare' }],
  ['a system that nobody has', { ...all, systemId: 'none-there' }],
  ['a system that nobody has, of the largest tenant', { tenants: ['acme'], systemId: 'none-there' }],
  ['a regime that few have', { ...all, regimes: ['ccpa'] }],
  ['a regime that nobody has', { ...all, regimes: ['utah'] }],
  ['one id', { ...all, requestIds: ['copy-77'] }],
]

describe('a page of the list of requests', () => {
  it.each(filters)('by %s reads about as many rows as it shows, not all there are', async (_what, filter) => {
    expect(await readBy(filter, 'received')).toBeLessThan(MOST)
  })

  it.each(filters.filter(([what]) => /nothing|nobody|system|tenant/.test(what)))(
    'by %s, the nearest deadline first, does so too',
    async (_what, filter) => {
      expect(await readBy(filter, 'due')).toBeLessThan(MOST)
    },
  )

  it('would be seen to read everything by a condition that is asked of every request', async () => {
    const read = await explained(
      `SELECT request_id FROM read_model.requests AS request
       WHERE ($1::text IS NULL OR EXISTS (SELECT FROM read_model.steps AS step
         WHERE step.request_id = request.request_id AND step.system_id = $1))
       ORDER BY received_at DESC, request_id DESC LIMIT ${LIMIT}`,
      ['none-there'],
    )
    expect(read).toBeGreaterThan(REQUESTS)
  })
})
