import { parseRow, type Queryable, selectList } from '../projection.js'
import { boundsOf, type Span, type Wanted } from './bounds.js'
import {
  type Cell,
  type Condition,
  cellConditions,
  cellTable,
  dueConditions,
  inCell,
  inThisCell,
  joined,
  Parameters,
  regimeCondition,
  systemCondition,
  taskConditions,
  tenantCondition,
} from './filter.js'
import { type RequestRow, shownRequest } from './fold.js'
import { behind, inOrder, type Sort } from './order.js'

/** What indexes have in an order: the cells of a filter, everything, or what some regimes have. */
export interface Walk {
  readonly along: Sort['column']
  readonly cells: readonly Cell[] | null
  readonly byTenant: boolean
  readonly byRegime: boolean
  readonly span: Span
}

/** Planning takes a fifth of a millisecond for each. */
const MOST_MERGED = 64

/**
 * The first that fit of a walk. Along the order of the page it ends with the last of them; along another everything
 * between the bounds is read and sorted.
 */
export async function walk(db: Queryable, wanted: Wanted, how: Walk): Promise<readonly RequestRow[]> {
  const { sort, count } = wanted
  const given = new Parameters()
  const bounds = joined(boundsOf(wanted, how.along, how.span), given)
  const rest = joined(restOf(wanted, how), given)
  const page = `${inOrder(sort)} LIMIT ${count}`
  const order = inOrder(how.along === sort.column ? sort : { column: how.along, direction: 'ASC' })
  const most = how.along === sort.column ? page : ''
  const entry = entryOf(wanted, how)
  // OFFSET keeps what is asked of a row out of the choice of an index: none of it makes another one the better one.
  const one = (own: string) => `SELECT request.request_id, request.${sort.column} FROM (
      SELECT ${entry} FROM read_model.requests AS request WHERE ${own} AND ${bounds} ${order} OFFSET 0
    ) AS request WHERE ${rest}`
  const { cells, byTenant, byRegime } = how
  const each = (table: string, own: string) =>
    `SELECT request.* FROM ${table} CROSS JOIN LATERAL (${one(own)} ${most}) AS request`
  const hits = byRegime
    ? each(
        `unnest(${given.add(wanted.filter.regimes)}::text[]) AS named (regime)`,
        'request.regime = named.regime',
      )
    : cells === null
      ? one('true')
      : cells.length === 0 || cells.length > MOST_MERGED || most === '' || rest === 'true'
        ? each(cellTable(cells, given), inCell(byTenant))
        : cells.map((cell) => `(${one(inThisCell(cell)(given))} ${page})`).join(' UNION ALL ')
  return rowsOf(db, `SELECT * FROM (${hits}) AS request ${page}`, sort, given)
}

/** What is asked of a row, and no more: an index has it, but for the tenant beside cells of all tenants. */
function entryOf({ filter }: Wanted, { cells, byTenant, byRegime }: Walk): string {
  const columns = ['request_id', 'received_at', 'due_at', 'regime', 'system_marks']
  if (byRegime) columns.push('tenant_id', 'status', 'live_erased_at', 'backup_clear')
  else if (cells !== null && !byTenant && filter.tenants !== '*') columns.push('tenant_id')
  return columns.map((name) => `request.${name}`).join(', ')
}

/** What the order and the bounds of a walk do not know. */
export function restOf({ filter, sort, after }: Wanted, how: Walk): Condition[] {
  return [
    ...(how.cells === null ? cellConditions(filter) : how.byTenant ? [] : tenantCondition(filter)),
    ...(how.along === 'due_at' ? [] : dueConditions(filter)),
    ...(how.byRegime ? [] : regimeCondition(filter)),
    ...(after === null || how.along === sort.column ? [] : [behind(sort, after)]),
    ...systemCondition(filter),
    ...taskConditions(filter),
  ]
}

/** Everything that fits among the requests these conditions give by themselves. */
export async function gather(
  db: Queryable,
  { filter, sort, after, count }: Wanted,
  seeds: readonly Condition[],
): Promise<readonly RequestRow[]> {
  const given = new Parameters()
  const conditions = [
    ...seeds,
    ...cellConditions(filter),
    ...dueConditions(filter),
    ...regimeCondition(filter),
    ...systemCondition(filter),
    ...taskConditions(filter),
    ...(after === null ? [] : [behind(sort, after)]),
  ]
  // OFFSET keeps the order out of the search: whoever sees it may go down the order for all there is.
  const fits = `SELECT request.request_id, request.${sort.column} FROM read_model.requests AS request
    WHERE ${joined(conditions, given)} OFFSET 0`
  const hits = `SELECT request.request_id FROM (${fits}) AS request ${inOrder(sort)} LIMIT ${count}`
  return rowsOf(db, hits, sort, given)
}

const COLUMNS = selectList(shownRequest)

async function rowsOf(
  db: Queryable,
  hits: string,
  sort: Sort,
  given: Parameters,
): Promise<readonly RequestRow[]> {
  const { rows } = await db.query(
    `WITH hit AS MATERIALIZED (${hits})
     SELECT ${COLUMNS} FROM (SELECT whole.* FROM hit
       JOIN read_model.requests AS whole ON whole.request_id = hit.request_id) AS request ${inOrder(sort)}`,
    given.values,
  )
  return rows.map((row) => parseRow(shownRequest, row))
}
