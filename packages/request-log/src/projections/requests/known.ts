import type { Queryable } from '../projection.js'
import { LONGEST_MS, SHORTEST_MS, type Span } from './bounds.js'
import {
  type Cell,
  type Cells,
  cellTable,
  dueConditions,
  inCell,
  joined,
  Parameters,
  type RequestFilter,
} from './filter.js'

/** What a filter leaves, as indexes tell at once. */
export interface Known {
  /** Those of the cells that hold anything. */
  readonly cells: readonly Cell[] | null
  /** So few requests have the system that each is looked up. */
  readonly fewOfSystem: boolean
  /** Few enough to read them all. */
  readonly fewOfRegime: boolean
  readonly fewDue: boolean
  readonly span: Span
}

/** Each is looked up by its id. */
const FEW_LOOKED_UP = 5_000
/** All are read in an index, and sorted; of regimes more than of deadlines, which bounds do as well for. */
const FEW_DUE = 10_000
const FEW_OF_REGIME = 30_000

interface Row {
  readonly held: number[] | null
  readonly few_of_system: boolean
  readonly few_of_regime: boolean
  readonly few_due: boolean
  readonly first: string | null
  readonly last: string | null
  readonly shortest: string | null
  readonly longest: string | null
}

export async function knownOf(
  db: Queryable,
  filter: RequestFilter,
  { all, byTenant }: Cells,
): Promise<Known> {
  const given = new Parameters()
  const columns = [
    `${heldCells(all, byTenant, given)} AS held`,
    `${few(ofSystem(filter, given), FEW_LOOKED_UP)} AS few_of_system`,
    `${few(ofRegimes(filter, given), FEW_OF_REGIME)} AS few_of_regime`,
    `${few(dueRange(filter, given), FEW_DUE)} AS few_due`,
    `${received(filter, 'ASC', given)} AS first`,
    `${received(filter, 'DESC', given)} AS last`,
    `(SELECT min(due_at - received_at) ${ODD}) AS shortest`,
    `(SELECT max(due_at - received_at) ${ODD}) AS longest`,
  ]
  const { rows } = await db.query<Row>(`SELECT ${columns.join(', ')}`, given.values)
  const row = rows[0] as Row
  return {
    cells: all === null ? null : (row.held ?? []).map((n) => all[n - 1] as Cell),
    fewOfSystem: row.few_of_system,
    fewOfRegime: row.few_of_regime,
    fewDue: row.few_due,
    span: {
      first: row.first === null ? null : Number(row.first),
      last: row.last === null ? null : Number(row.last),
      shortest: Math.min(Number(row.shortest ?? SHORTEST_MS), SHORTEST_MS),
      longest: Math.max(Number(row.longest ?? LONGEST_MS), LONGEST_MS),
    },
  }
}

/** Periods that are not about a month, as their index has them. */
const ODD = `FROM read_model.requests
  WHERE due_at - received_at < ${SHORTEST_MS} OR due_at - received_at > ${LONGEST_MS}`

const heldCells = (all: readonly Cell[] | null, byTenant: boolean, given: Parameters): string =>
  all === null
    ? 'NULL'
    : `ARRAY(SELECT cell.n::int FROM ${cellTable(all, given)} CROSS JOIN LATERAL (
        SELECT FROM read_model.requests AS request WHERE ${inCell(byTenant)} LIMIT 1) AS one)`

const few = (rows: string | null, most: number): string =>
  rows === null ? 'false' : `(SELECT count(*) FROM (${rows} LIMIT ${most}) AS one) < ${most}`

const ofSystem = ({ systemId }: RequestFilter, given: Parameters): string | null =>
  systemId === undefined
    ? null
    : `SELECT FROM read_model.steps WHERE system_id = ${given.add(systemId)}::text
       ORDER BY received_at DESC, request_id DESC`

const ofRegimes = ({ regimes }: RequestFilter, given: Parameters): string | null =>
  regimes === undefined
    ? null
    : `SELECT FROM unnest(${given.add(regimes)}::text[]) AS named (regime) CROSS JOIN LATERAL (
         SELECT FROM read_model.requests AS request WHERE request.regime = named.regime
         ORDER BY request.received_at DESC, request.request_id DESC LIMIT ${FEW_OF_REGIME}) AS one`

const dueRange = (filter: RequestFilter, given: Parameters): string | null =>
  filter.dueFrom === undefined && filter.dueBefore === undefined
    ? null
    : `SELECT FROM read_model.requests AS request WHERE ${joined(dueConditions(filter), given)}
       ORDER BY request.due_at, request.request_id`

/** The first or the last receipt of a system and of regimes: one was added one day, or retired. */
function received(
  { systemId, regimes }: RequestFilter,
  direction: 'ASC' | 'DESC',
  given: Parameters,
): string {
  const end = `ORDER BY received_at ${direction}, request_id ${direction} LIMIT 1`
  const extreme = direction === 'ASC' ? 'min' : 'max'
  // Its index has the latest first. As an equation, and without it in the order, a planner that takes regimes to be few goes
  // down the receipts of all requests.
  const ofRegime = `request.regime >= named.regime AND request.regime <= named.regime
    ORDER BY request.regime ${direction === 'ASC' ? 'DESC' : 'ASC'}, received_at ${direction}, request_id ${direction} LIMIT 1`
  const ends = [
    ...(systemId === undefined
      ? []
      : [`(SELECT received_at FROM read_model.steps WHERE system_id = ${given.add(systemId)}::text ${end})`]),
    ...(regimes === undefined
      ? []
      : [
          `(SELECT ${extreme}(one.received_at) FROM unnest(${given.add(regimes)}::text[]) AS named (regime)
            CROSS JOIN LATERAL (SELECT received_at FROM read_model.requests AS request WHERE ${ofRegime}) AS one)`,
        ]),
  ]
  if (ends.length === 0) return 'NULL'
  return direction === 'ASC' ? `greatest(${ends.join(', ')})` : `least(${ends.join(', ')})`
}
