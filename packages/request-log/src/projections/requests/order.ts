import type { Condition } from './filter.js'

/** `received`: newest first. `due`: nearest deadline first. The other two are the same from the other end. */
export const requestOrders = ['received', 'due', 'oldest', 'due-last'] as const
export type RequestOrder = (typeof requestOrders)[number]

export interface Sort {
  readonly column: 'received_at' | 'due_at'
  readonly direction: 'ASC' | 'DESC'
}

export const SORTS: Readonly<Record<RequestOrder, Sort>> = {
  received: { column: 'received_at', direction: 'DESC' },
  due: { column: 'due_at', direction: 'ASC' },
  oldest: { column: 'received_at', direction: 'ASC' },
  'due-last': { column: 'due_at', direction: 'DESC' },
}

/** @param of the table, or what stands for it */
export const inOrder = ({ column, direction }: Sort, of = 'request'): string =>
  `ORDER BY ${of}.${column} ${direction}, ${of}.request_id ${direction}`

/** Whatever comes after this row. */
export const behind =
  ({ column, direction }: Sort, [at, id]: CursorKey, of = 'request'): Condition =>
  (given) =>
    `(${of}.${column}, ${of}.request_id) ${direction === 'ASC' ? '>' : '<'}
      (${given.add(at)}::bigint, ${given.add(id)}::text)`

/** A cursor that `listRequests` or another list did not make. */
export class InvalidCursor extends Error {
  readonly code = 'invalid_cursor'

  constructor() {
    super('the cursor is not one that this list returned; start again without it')
    this.name = 'InvalidCursor'
  }
}

/** By which a row is found again in its order. */
export type CursorKey = readonly [at: number, id: string]

/** The order is part of the cursor of any but the first: in another list it would skip requests. */
export function encodeCursor(key: CursorKey, order: RequestOrder): string {
  const parts = order === 'received' ? key : [...key, order]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

const isId = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x21-\x7e]{1,100}$/.test(value)

/** @throws InvalidCursor */
export function decodeCursor(cursor: string, order: RequestOrder): CursorKey {
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
