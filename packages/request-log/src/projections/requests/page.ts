import type { Queryable } from '../projection.js'
import { cellsOf, fewConditions, type RequestFilter } from './filter.js'
import type { RequestRow } from './fold.js'
import { type CursorKey, decodeCursor, encodeCursor, type RequestOrder, SORTS } from './order.js'
import { areFew, cellPath, gather, plainPath, systemPath, type Wanted } from './search.js'

export interface Page<Row> {
  readonly items: readonly Row[]
  /** Give it back as `cursor` for the next page; null on the last one. */
  readonly nextCursor: string | null
}

/** In the order asked for, newest first by default; the keyset cursor stays valid while requests arrive. */
export async function listRequests(
  db: Queryable,
  filter: RequestFilter,
  page: { limit: number; cursor?: string | null; order?: RequestOrder },
): Promise<Page<RequestRow>> {
  const order = page.order ?? 'received'
  const after = page.cursor ? decodeCursor(page.cursor, order) : null
  const rows = await found(db, { filter, sort: SORTS[order], after, count: page.limit + 1 })
  const items = rows.slice(0, page.limit)
  const last = items.at(-1)
  const isMore = rows.length > page.limit && last !== undefined
  return { items, nextCursor: isMore ? encodeCursor(keyOf(last, order), order) : null }
}

const keyOf = (row: RequestRow, order: RequestOrder): CursorKey => [
  SORTS[order].column === 'due_at' ? row.dueAt : row.receivedAt,
  row.requestId,
]

/** How far down an order what fits is looked for: where it is common the first is enough. */
const WINDOWS = [500, 5_000, 30_000] as const

/**
 * Indexes give cells, systems and deadlines in an order. Whatever else is asked of a request is asked of the first in
 * that order, and where those do not suffice, everything that fits is gathered and sorted. Which of the two is cheaper
 * no planner can know: that depends on where in the order those that fit lie.
 */
async function found(db: Queryable, wanted: Wanted): Promise<readonly RequestRow[]> {
  const { filter, sort, count } = wanted
  if (fewConditions(filter).length > 0) return gather(db, wanted)
  const cells = cellsOf(filter)
  const alongCells = cellPath(wanted, cells)
  if (alongCells.rest.length === 0) return (await alongCells.look(db, count)).rows
  if (await areFew(db, filter, sort)) return gather(db, wanted)
  const alongSystem = systemPath(wanted)
  // Cells are often small, and read to their end at once.
  const along = cells.all === null ? [alongSystem, alongCells] : [alongCells, alongSystem, plainPath(wanted)]
  for (const least of WINDOWS)
    for (const path of along) {
      if (path === null || path.farthest < least) continue
      const window = Math.max(least, 2 * count)
      const { rows, looked } = await path.look(db, window)
      if (rows.length >= count || looked < window) return rows
    }
  return gather(db, wanted)
}
