import { parseRow, type Queryable, selectList } from '../projection.js'
import {
  allConditions,
  beyondCells,
  cellsOf,
  cellTable,
  inCell,
  joined,
  Parameters,
  type RequestFilter,
  scopeParameter,
  type TenantScope,
  tenantCondition,
} from './filter.js'
import { type RequestRow, shownRequest } from './fold.js'

const SELECT = `SELECT ${selectList(shownRequest)} FROM read_model.requests`

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
  return rows[0] ? parseRow(shownRequest, rows[0]) : null
}

/** How many fit, by status; the same filter gives the list. */
export async function countRequests(
  db: Queryable,
  filter: RequestFilter,
): Promise<ReadonlyMap<string, number>> {
  const given = new Parameters()
  const { all, byTenant } = cellsOf(filter)
  const counted =
    all === null
      ? `SELECT status, count(*) AS n FROM read_model.requests AS request
         WHERE ${joined(allConditions(filter), given)} GROUP BY status`
      : `SELECT cell.status, sum(of_cell.n) AS n FROM ${cellTable(all, given)} CROSS JOIN LATERAL (
           SELECT count(*) AS n FROM read_model.requests AS request
           WHERE ${inCell(byTenant)} AND ${joined([...(byTenant ? [] : tenantCondition(filter)), ...beyondCells(filter)], given)}
         ) AS of_cell GROUP BY cell.status HAVING sum(of_cell.n) > 0`
  const { rows } = await db.query<{ status: string; n: string }>(counted, given.values)
  return new Map(rows.map(({ status, n }) => [status, Number(n)]))
}

/**
 * How many requests have a task that waits for a person, and in how many it was to be done before this moment (epoch
 * milliseconds); the filters `taskOpen` and `taskDueBefore` give the lists.
 */
export async function countOpenTasks(
  db: Queryable,
  tenants: TenantScope,
  now: number,
): Promise<{ open: number; overdue: number }> {
  const { rows } = await db.query<{ open: string; overdue: string }>(
    `SELECT count(DISTINCT request_id) AS open, count(DISTINCT request_id)
       FILTER (WHERE (detail #>> '{task,dueAt}')::bigint < $2) AS overdue
     FROM read_model.steps
     WHERE detail #>> '{task,state}' = 'open' AND ($1::text[] IS NULL OR tenant_id = ANY ($1))`,
    [scopeParameter(tenants), now],
  )
  return { open: Number(rows[0]?.open ?? 0), overdue: Number(rows[0]?.overdue ?? 0) }
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
