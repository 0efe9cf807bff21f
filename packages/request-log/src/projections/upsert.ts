import type { Policy, RequestState } from '@lethe/domain'
import { type ColumnType, columnOf, type Projection, type Queryable } from './projection.js'

const LIVE = 'read_model'

/** One request before and after a transaction. */
export interface Change {
  readonly before: RequestState | null
  readonly after: RequestState
}

/** The statements that write the rows that changed and remove those that are gone; at most two. */
export function projecting<Row extends object>(
  client: Queryable,
  projection: Projection<Row>,
  changes: readonly Change[],
  policy: Policy,
): (() => Promise<void>)[] {
  const changed: Row[] = []
  const gone: Row[] = []
  for (const { before, after } of changes) {
    const old = before === null ? [] : projection.rows(before, policy)
    const now = projection.rows(after, policy)
    const known = new Set(old.map((row) => JSON.stringify(row)))
    changed.push(...now.filter((row) => !known.has(JSON.stringify(row))))
    const kept = new Set(now.map((row) => keyOf(projection, row)))
    gone.push(...old.filter((row) => !kept.has(keyOf(projection, row))))
  }
  return [
    ...(gone.length === 0 ? [] : [() => remove(client, projection, gone)]),
    ...(changed.length === 0 ? [] : [() => upsert(client, LIVE, projection, changed)]),
  ]
}

/** Inserts or replaces rows set-wise. Sorted by key, so that two writers never wait in a circle. */
export async function upsert<Row extends object>(
  client: Queryable,
  schema: string,
  projection: Projection<Row>,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return
  const fields = Object.keys(projection.columns) as (keyof Row & string)[]
  await client.query({
    name: `lethe_upsert_${schema}_${projection.table}`,
    text: statementOf(schema, projection),
    values: fields.map((field) => rows.map((row) => parameter(row[field], projection.columns[field]))),
  })
}

/** Texts of the live tables; a rebuild's schema has a name of its own each time and is not kept. */
const texts = new Map<string, string>()

function statementOf<Row extends object>(schema: string, projection: Projection<Row>): string {
  if (schema !== LIVE) return upsertStatement(schema, projection)
  const text = texts.get(projection.table) ?? upsertStatement(schema, projection)
  texts.set(projection.table, text)
  return text
}

function upsertStatement<Row extends object>(
  schema: string,
  { table, key, columns }: Projection<Row>,
): string {
  const fields = Object.entries<ColumnType>(columns)
  const names = fields.map(([field]) => columnOf(field))
  // jsonb[] cannot be bound as an array of texts, so its elements are cast one by one.
  const arrays = fields.map(([, type], index) => `$${index + 1}::${type === 'jsonb' ? 'text' : type}[]`)
  const values = fields.map(([field, type]) =>
    type === 'jsonb' ? `${columnOf(field)}::jsonb` : columnOf(field),
  )
  const keys = key.map(columnOf)
  const updates = names.filter((name) => !keys.includes(name)).map((name) => `${name} = excluded.${name}`)
  return `
    INSERT INTO ${schema}.${table} (${names.join(', ')})
    SELECT ${values.join(', ')} FROM unnest(${arrays.join(', ')}) AS given (${names.join(', ')})
    ORDER BY ${keys.join(', ')}
    ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${updates.join(', ')}`
}

async function remove<Row extends object>(
  client: Queryable,
  { table, key, columns }: Projection<Row>,
  rows: readonly Row[],
): Promise<void> {
  const names = key.map(columnOf).join(', ')
  const arrays = key.map((field, index) => `$${index + 1}::${columns[field]}[]`).join(', ')
  await client.query(
    `DELETE FROM read_model.${table} WHERE (${names}) IN (SELECT * FROM unnest(${arrays}))`,
    key.map((field) => rows.map((row) => row[field])),
  )
}

function keyOf<Row extends object>({ key }: Projection<Row>, row: Row): string {
  return JSON.stringify(key.map((field) => row[field]))
}

function parameter(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null
  return type === 'jsonb' ? JSON.stringify(value) : value
}
