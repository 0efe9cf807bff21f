import { parseRow, type Queryable, selectList } from '../projection.js'
import {
  allConditions,
  beyondCells,
  type Cells,
  type Condition,
  cellConditions,
  cellsOf,
  cellTable,
  dueConditions,
  inCell,
  joined,
  otherConditions,
  Parameters,
  type RequestFilter,
  tenantCondition,
} from './filter.js'
import { type RequestRow, requests } from './fold.js'
import { behind, type CursorKey, inOrder, type Sort } from './order.js'

/** What a page is made of: the filter, the order, the row before it, and how many rows it takes. */
export interface Wanted {
  readonly filter: RequestFilter
  readonly sort: Sort
  readonly after: CursorKey | null
  readonly count: number
}

/** The first of an order, at most a window of them, and of these what fits. */
export interface Look {
  readonly rows: readonly RequestRow[]
  /** How many were looked at: fewer than the window means all there are. */
  readonly looked: number
}

/** An order in which an index has the requests, and the conditions it does not know. */
export interface Path {
  readonly rest: readonly Condition[]
  /** Looking farther than this costs more than gathering what fits. */
  readonly farthest: number
  look(db: Queryable, window: number): Promise<Look>
}

/** How far a path goes: where every row is asked of other tables or rows, and where an index tells of it. */
const FAR = 5_000
const FARTHEST = 30_000
/** Every cell is read up to the window: of many, that is not far. */
const FEW_CELLS = 4

/** Along the cells of the filter, or along all requests where it names none. */
export function cellPath(wanted: Wanted, cells: Cells): Path {
  const { filter, sort, count } = wanted
  const rest = [
    ...(cells.byTenant ? [] : tenantCondition(filter)),
    ...(sort.column === 'due_at' ? [] : dueConditions(filter)),
    ...otherConditions(filter),
  ]
  const isCheap = filter.systemId === undefined && (cells.byTenant || filter.tenants === '*')
  const isNarrow = cells.all === null || cells.all.length <= FEW_CELLS
  return {
    rest,
    farthest: !isNarrow ? FAR / 10 : isCheap ? FARTHEST : FAR,
    look: (db, window) => {
      const given = new Parameters()
      const from = `candidate AS request WHERE`
      return look(db, given, `${candidates(wanted, cells, { window, isAlone: rest.length === 0 }, given)}`, {
        hits: `SELECT request.request_id FROM ${from} ${joined(rest, given)} ${inOrder(sort)} LIMIT ${count}`,
        sort,
      })
    },
  }
}

/** Along all requests, whatever cells the filter names: soon enough where it names what most of them are. */
export function plainPath(wanted: Wanted): Path {
  const { filter, sort, count } = wanted
  const rest = [
    ...cellConditions(filter),
    ...(sort.column === 'due_at' ? [] : dueConditions(filter)),
    ...otherConditions(filter),
  ]
  return {
    rest,
    farthest: FAR,
    look: (db, window) => {
      const given = new Parameters()
      const candidate = `SELECT request.* FROM read_model.requests AS request
        WHERE ${joined(rangeOf(wanted), given)} ${inOrder(sort)} LIMIT ${window}`
      return look(db, given, candidate, {
        hits: `SELECT request.request_id FROM candidate AS request WHERE ${joined(rest, given)}
          ${inOrder(sort)} LIMIT ${count}`,
        sort,
      })
    },
  }
}

/** Where the order of a page begins and ends. */
const rangeOf = ({ filter, sort, after }: Wanted): Condition[] => [
  ...(after === null ? [] : [behind(sort, after)]),
  ...(sort.column === 'due_at' ? dueConditions(filter) : receivedBefore(filter, 'request')),
]

/** Along the requests of the system of the filter, which stand in the order of receipt; null in another order. */
export function systemPath({ filter, sort, after, count }: Wanted): Path | null {
  const { systemId, ...others } = filter
  if (systemId === undefined || sort.column !== 'received_at') return null
  const rest = [...cellConditions(others), ...dueConditions(others), ...otherConditions(others)]
  return {
    rest,
    farthest: FAR,
    look: (db, window) => {
      const given = new Parameters()
      const range = [
        (own: Parameters) => `step.system_id = ${own.add(systemId)}::text`,
        ...(after === null ? [] : [behind(sort, after, 'step')]),
        ...receivedBefore(filter, 'step'),
      ]
      const candidate = `SELECT step.request_id, step.received_at FROM read_model.steps AS step
        WHERE ${joined(range, given)} ${inOrder(sort, 'step')} LIMIT ${window}`
      // A system may have several steps in one request. Each is looked up by its id: so few are no reason to read all.
      const hits = `SELECT DISTINCT request.request_id, request.received_at FROM candidate CROSS JOIN LATERAL (
          SELECT request.request_id, request.received_at FROM read_model.requests AS request
          WHERE request.request_id = candidate.request_id AND ${joined(rest, given)} OFFSET 0) AS request
        ${inOrder(sort)} LIMIT ${count}`
      return look(db, given, candidate, { hits, sort })
    },
  }
}

const COLUMNS = selectList(requests)

async function look(
  db: Queryable,
  given: Parameters,
  candidate: string,
  { hits, sort }: { hits: string; sort: Sort },
): Promise<Look> {
  const { rows } = await db.query(
    `WITH candidate AS MATERIALIZED (${candidate})
     SELECT looked.n AS looked, ${COLUMNS} FROM (SELECT count(*) AS n FROM candidate) AS looked
     LEFT JOIN (SELECT whole.* FROM (${hits}) AS hit
       JOIN read_model.requests AS whole ON whole.request_id = hit.request_id) AS request ON true
     ${inOrder(sort)}`,
    given.values,
  )
  const found = rows.filter(({ requestId }) => requestId !== null)
  return {
    looked: Number(rows[0]?.['looked'] ?? 0),
    rows: found.map(({ looked: _, ...row }) => parseRow(requests, row)),
  }
}

/** What an index has of a request, and no more where nothing is asked of it. */
function candidates(
  wanted: Wanted,
  { all, byTenant }: Cells,
  { window, isAlone }: { window: number; isAlone: boolean },
  given: Parameters,
): string {
  const { filter, sort } = wanted
  const range = rangeOf(wanted)
  const asked = isAlone || byTenant || filter.tenants === '*' ? '' : ', request.tenant_id'
  const entry = `request.request_id, request.received_at, request.due_at, request.regime${asked}`
  const page = `${inOrder(sort)} LIMIT ${window}`
  if (all === null)
    return `SELECT ${entry} FROM read_model.requests AS request WHERE ${joined(range, given)} ${page}`
  return `SELECT request.* FROM ${cellTable(all, given)} CROSS JOIN LATERAL (
      SELECT ${entry} FROM read_model.requests AS request
      WHERE ${inCell(byTenant)} AND ${joined(range, given)} ${page}) AS request
    ${page}`
}

/** No regime gives less than a month. Milliseconds; the index of what is due sooner is made with it. */
const SHORTEST_MS = 27 * 86_400_000

/** What is due before a moment was received that much earlier: where an order begins that knows nothing of deadlines. */
function receivedBefore({ dueBefore }: RequestFilter, of: 'request' | 'step'): Condition[] {
  if (dueBefore === undefined) return []
  const period = `SELECT min(short.due_at - short.received_at) FROM read_model.requests AS short
    WHERE short.due_at - short.received_at < ${SHORTEST_MS}`
  return [
    (given) => `${of}.received_at < ${given.add(dueBefore)}::bigint - coalesce((${period}), ${SHORTEST_MS})`,
  ]
}

/** Everything that fits, however it is found, and then sorted. */
export async function gather(
  db: Queryable,
  { filter, sort, after, count }: Wanted,
): Promise<readonly RequestRow[]> {
  const given = new Parameters()
  const { all, byTenant } = cellsOf(filter)
  const behindIt = after === null ? [] : [behind(sort, after)]
  const entry = `SELECT request.request_id, request.${sort.column}`
  const isDated = filter.dueFrom !== undefined || filter.dueBefore !== undefined
  const own = byTenant ? [] : tenantCondition(filter)
  // OFFSET keeps the order out of the search: whoever sees it may go down the order for all there is.
  const fits =
    all !== null && isDated
      ? `${entry} FROM ${cellTable(all, given)} CROSS JOIN LATERAL (${entry} FROM read_model.requests AS request
          WHERE ${inCell(byTenant)} AND ${joined([...own, ...beyondCells(filter), ...behindIt], given)} OFFSET 0
        ) AS request OFFSET 0`
      : `${entry} FROM read_model.requests AS request
          WHERE ${joined([...allConditions(filter), ...behindIt], given)} OFFSET 0`
  const { rows } = await db.query(
    `SELECT ${COLUMNS} FROM (SELECT request.request_id FROM (${fits}) AS request ${inOrder(sort)} LIMIT ${count}) AS hit
       JOIN read_model.requests AS request USING (request_id) ${inOrder(sort)}`,
    given.values,
  )
  return rows.map((row) => parseRow(requests, row))
}

/** So few are all read and sorted sooner than an order is gone through. */
const FEW = 5_000

/** Whether one of the conditions that an order does not know is met by few requests, wherever they are. */
export async function areFew(db: Queryable, filter: RequestFilter, { column }: Sort): Promise<boolean> {
  const given = new Parameters()
  const some: string[] = []
  if (filter.systemId !== undefined)
    some.push(`SELECT FROM read_model.steps WHERE system_id = ${given.add(filter.systemId)}::text
      ORDER BY received_at DESC, request_id DESC LIMIT ${FEW}`)
  if (filter.regimes !== undefined)
    some.push(`SELECT FROM unnest(${given.add(filter.regimes)}::text[]) AS named (regime) CROSS JOIN LATERAL (
        SELECT FROM read_model.requests AS request WHERE request.regime = named.regime
        ORDER BY request.received_at DESC, request.request_id DESC LIMIT ${FEW}) AS one LIMIT ${FEW}`)
  if (column !== 'due_at' && (filter.dueFrom !== undefined || filter.dueBefore !== undefined))
    some.push(`SELECT FROM read_model.requests AS request WHERE ${joined(dueConditions(filter), given)}
      ORDER BY request.due_at, request.request_id LIMIT ${FEW}`)
  if (some.length === 0) return false
  const counted = some.map((one) => `(SELECT count(*) FROM (${one}) AS one) < ${FEW}`)
  const { rows } = await db.query<{ few: boolean }>(`SELECT ${counted.join(' OR ')} AS few`, given.values)
  return rows[0]?.few ?? false
}
