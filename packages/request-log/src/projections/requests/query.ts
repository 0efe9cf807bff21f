import { parseRow, type Queryable, selectList } from '../projection.js'
import { type RequestRow, requests } from './fold.js'

/** Which tenants the caller may see; `'*'` is all of them, an empty list nothing. */
export type TenantScope = readonly string[] | '*'

export interface RequestFilter {
  readonly tenants: TenantScope
  readonly statuses?: readonly string[]
  /** Only these, for callers that looked up digests in the vault. */
  readonly requestIds?: readonly string[]
  /** Only requests whose plan has this system. */
  readonly systemId?: string
  readonly regimes?: readonly string[]
  /** Epoch milliseconds, inclusive. */
  readonly dueFrom?: number
  /** Epoch milliseconds, exclusive. */
  readonly dueBefore?: number
  /** Only those in which a task waits for a person to do it, or those in which none does. */
  readonly taskOpen?: boolean
  /** Gone from every live system, or not yet. */
  readonly liveErased?: boolean
  /** Gone from every backup as well, or not yet. */
  readonly backupClear?: boolean
}

/** `received`: newest first. `due`: nearest deadline first. The other two are the same from the other end. */
export const requestOrders = ['received', 'due', 'oldest', 'due-last'] as const
export type RequestOrder = (typeof requestOrders)[number]

export interface Page<Row> {
  readonly items: readonly Row[]
  /** Give it back as `cursor` for the next page; null on the last one. */
  readonly nextCursor: string | null
}

/** A cursor that `listRequests` or another list did not make. */
export class InvalidCursor extends Error {
  readonly code = 'invalid_cursor'

  constructor() {
    super('the cursor is not one that this list returned; start again without it')
    this.name = 'InvalidCursor'
  }
}

const SELECT = `SELECT ${selectList(requests)} FROM read_model.requests`

/** Null when it does not exist or belongs to a tenant outside the scope. */
export async function findRequest(
  db: Queryable,
  requestId: string,
  tenants: TenantScope,
): Promise<RequestRow | null> {
  const { rows } = await db.query(
    `${SELECT} WHERE request_id = $1 AND ($2::text[] IS NULL OR tenant_id = ANY ($2))`,
    [requestId, scopeParameter(tenants)],
  )
  return rows[0] ? parseRow(requests, rows[0]) : null
}

/**
 * What a filter asks for, as SQL with its parameters. Only that: of a condition that holds for everything the planner
 * would not see that an index, or a semi-join, answers the rest.
 */
function conditionsOf(filter: RequestFilter): { text: string; values: unknown[] } {
  const values: unknown[] = []
  const conditions: string[] = []
  const add = (value: unknown, condition: (parameter: string) => string) => {
    if (value === undefined || value === null) return
    values.push(value)
    conditions.push(condition(`$${values.length}`))
  }
  add(scopeParameter(filter.tenants), (p) => `tenant_id = ANY (${p}::text[])`)
  add(filter.statuses, (p) => `status = ANY (${p}::text[])`)
  add(filter.requestIds, (p) => `request_id = ANY (${p}::text[])`)
  add(
    filter.systemId,
    (p) => `EXISTS (SELECT FROM read_model.steps AS step
      WHERE step.request_id = request.request_id AND step.system_id = ${p}::text)`,
  )
  // The condition of the index that holds nothing but open tasks.
  if (filter.taskOpen !== undefined)
    conditions.push(`${filter.taskOpen ? '' : 'NOT '}EXISTS (SELECT FROM read_model.steps AS step
      WHERE step.request_id = request.request_id AND step.detail #>> '{task,state}' = 'open')`)
  add(filter.dueBefore, (p) => `due_at < ${p}::bigint`)
  add(filter.dueFrom, (p) => `due_at >= ${p}::bigint`)
  add(filter.regimes, (p) => `regime = ANY (${p}::text[])`)
  add(filter.liveErased, (p) => `(live_erased_at IS NOT NULL) = ${p}::boolean`)
  add(filter.backupClear, (p) => `backup_clear = ${p}::boolean`)
  return { text: conditions.length === 0 ? 'true' : conditions.join(' AND '), values }
}

const SORTS: Readonly<Record<RequestOrder, { column: string; direction: 'ASC' | 'DESC' }>> = {
  received: { column: 'received_at', direction: 'DESC' },
  due: { column: 'due_at', direction: 'ASC' },
  oldest: { column: 'received_at', direction: 'ASC' },
  'due-last': { column: 'due_at', direction: 'DESC' },
}

/** In the order asked for, newest first by default; the keyset cursor stays valid while requests arrive. */
export async function listRequests(
  db: Queryable,
  filter: RequestFilter,
  page: { limit: number; cursor?: string | null; order?: RequestOrder },
): Promise<Page<RequestRow>> {
  const order = page.order ?? 'received'
  const after = page.cursor ? decodeCursor(page.cursor, order) : null
  const { text, values } = conditionsOf(filter)
  const { column, direction } = SORTS[order]
  const given = [...values, page.limit + 1, ...(after ?? [])]
  const place = `($${values.length + 2}::bigint, $${values.length + 3}::text)`
  const behind =
    after === null ? '' : `AND (${column}, request_id) ${direction === 'ASC' ? '>' : '<'} ${place}`
  const { rows } = await db.query(
    `${SELECT} AS request WHERE ${text} ${behind}
     ORDER BY ${column} ${direction}, request_id ${direction} LIMIT $${values.length + 1}`,
    given,
  )
  const items = rows.slice(0, page.limit).map((row) => parseRow(requests, row))
  const last = items.at(-1)
  return {
    items,
    nextCursor: rows.length > page.limit && last ? encodeCursor(keyOf(last, order), order) : null,
  }
}

const keyOf = (row: RequestRow, order: RequestOrder): CursorKey => [
  order.startsWith('due') ? row.dueAt : row.receivedAt,
  row.requestId,
]

/** How many fit, by status; the same filter gives the list. */
export async function countRequests(
  db: Queryable,
  filter: RequestFilter,
): Promise<ReadonlyMap<string, number>> {
  const { text, values } = conditionsOf(filter)
  const { rows } = await db.query<{ status: string; n: string }>(
    `SELECT status, count(*) AS n FROM read_model.requests AS request WHERE ${text} GROUP BY status`,
    values,
  )
  return new Map(rows.map(({ status, n }) => [status, Number(n)]))
}

/** How many requests have a task that waits for a person; the filter `taskOpen` gives the list. */
export async function countOpenTasks(db: Queryable, tenants: TenantScope): Promise<number> {
  const { rows } = await db.query<{ n: string }>(
    `SELECT count(DISTINCT request_id) AS n FROM read_model.steps
     WHERE detail #>> '{task,state}' = 'open' AND ($1::text[] IS NULL OR tenant_id = ANY ($1))`,
    [scopeParameter(tenants)],
  )
  return Number(rows[0]?.n ?? 0)
}

/**
 * Requests whose process manager has something to do, the longest waiting first. Rows another
 * transaction is just moving are passed over. Nothing is claimed: two callers may get the same id,
 * and the second finds that nothing is left to do.
 */
export async function dueRequests(db: Queryable, now: number, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ request_id: string }>(
    `SELECT request_id FROM read_model.requests WHERE next_action_at <= $1
     ORDER BY next_action_at, request_id LIMIT $2 FOR UPDATE SKIP LOCKED`,
    [now, limit],
  )
  return rows.map((row) => row.request_id)
}

/** When the next timer fires, epoch milliseconds; null when none is set. */
export async function nextWakeAt(db: Queryable): Promise<number | null> {
  const { rows } = await db.query<{ at: string | null }>(
    'SELECT min(next_action_at) AS at FROM read_model.requests WHERE next_action_at IS NOT NULL',
  )
  const at = rows[0]?.at ?? null
  return at === null ? null : Number(at)
}

export function scopeParameter(tenants: TenantScope): readonly string[] | null {
  return tenants === '*' ? null : tenants
}

type CursorKey = readonly [at: number, id: string]

/** The order is part of the cursor of any but the first: in another list it would skip requests. */
function encodeCursor(key: CursorKey, order: RequestOrder): string {
  const parts = order === 'received' ? key : [...key, order]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

const isId = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x21-\x7e]{1,100}$/.test(value)

function decodeCursor(cursor: string, order: RequestOrder): CursorKey {
  let key: unknown
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw new InvalidCursor()
  }
  // PostgreSQL takes no NUL in a text, and an id has none.
  if (!Array.isArray(key) || key.length !== (order === 'received' ? 2 : 3)) throw new InvalidCursor()
  if (key.length === 3 && key[2] !== order) throw new InvalidCursor()
  if (!Number.isSafeInteger(key[0]) || !isId(key[1])) throw new InvalidCursor()
  return [key[0], key[1]]
}
