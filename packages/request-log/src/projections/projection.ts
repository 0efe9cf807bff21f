import type { Policy, RequestState } from '@lethe/domain'
import type { ClientBase } from 'pg'

export type ColumnType = 'text' | 'integer' | 'bigint' | 'boolean' | 'jsonb'

/** Anything a query can be sent to; a pool or the client of an open transaction. */
export type Queryable = Pick<ClientBase, 'query'>

/**
 * One read model: rows of a table of the schema `read_model`, derived from the state of a request
 * and from nothing else. No clock, no serial, no look at other requests: only then is a rebuild
 * equal byte by byte.
 */
export interface Projection<Row extends object> {
  readonly table: string
  readonly key: readonly (keyof Row & string)[]
  /** Every field of the row; the column is the field's name in snake_case. */
  readonly columns: Readonly<Record<keyof Row & string, ColumnType>>
  /** @param policy the process manager's, which says when it wakes next */
  rows(state: RequestState, policy: Policy): readonly Row[]
}

export const columnOf = (field: string): string =>
  field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

type Columns<Row extends object> = Pick<Projection<Row>, 'columns'>

/** The select list that gives a row back with its fields' names. */
export function selectList<Row extends object>(projection: Columns<Row>): string {
  return Object.keys(projection.columns)
    .map((field) => `${columnOf(field)} AS "${field}"`)
    .join(', ')
}

/** int8 comes as text from the driver; every bigint of a read model is below 2^53. */
export function parseRow<Row extends object>(projection: Columns<Row>, raw: Record<string, unknown>): Row {
  const types: Readonly<Record<string, ColumnType>> = projection.columns
  const fields = Object.entries(raw).map(([field, value]) => [
    field,
    types[field] === 'bigint' && value !== null ? Number(value) : value,
  ])
  return Object.fromEntries(fields) as Row
}
