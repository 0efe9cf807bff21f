import { type Condition, dueConditions, type RequestFilter } from './filter.js'
import { behind, type CursorKey, type Sort } from './order.js'

/** What a page is made of: the filter, the order, the row before it, and how many rows it takes. */
export interface Wanted {
  readonly filter: RequestFilter
  readonly sort: Sort
  readonly after: CursorKey | null
  readonly count: number
}

const DAY = 86_400_000
/** How long after its receipt nearly every request is due; the index of the others is made with the same two. */
export const SHORTEST_MS = 27 * DAY
export const LONGEST_MS = 31 * DAY

/** Within what anything that fits was received, and how long after that it is due; epoch milliseconds, inclusive. */
export interface Span {
  readonly first: number | null
  readonly last: number | null
  readonly shortest: number
  readonly longest: number
}

/** Nothing is known. */
export const ANYWHERE: Span = { first: null, last: null, shortest: SHORTEST_MS, longest: LONGEST_MS }

/** Where in an order anything that fits can be: what a walk begins and ends with. */
export function boundsOf({ filter, sort, after }: Wanted, along: Sort['column'], span: Span): Condition[] {
  const cursor = after === null || sort.column !== along ? [] : [behind(sort, after)]
  const { first, last, shortest, longest } = span
  if (along === 'due_at')
    return [
      ...cursor,
      ...dueConditions(filter),
      ...bound('due_at', '>=', first === null ? undefined : first + shortest),
      ...bound('due_at', '<=', last === null ? undefined : last + longest),
    ]
  const { dueFrom, dueBefore } = filter
  return [
    ...cursor,
    ...bound('received_at', '>=', dueFrom === undefined ? undefined : dueFrom - longest),
    ...bound('received_at', '<', dueBefore === undefined ? undefined : dueBefore - shortest),
    ...bound('received_at', '>=', first ?? undefined),
    ...bound('received_at', '<=', last ?? undefined),
  ]
}

const bound = (column: Sort['column'], sign: '<' | '<=' | '>=', at: number | undefined): Condition[] =>
  at === undefined ? [] : [(given) => `request.${column} ${sign} ${given.add(at)}::bigint`]
