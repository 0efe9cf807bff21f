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
    const known = new Map(old.map((row) => [keyOf(projection, row), row]))
    changed.push(...now.filter((row) => !isSame(projection, row, known.get(keyOf(projection, row)))))
    const kept = new Set(now.map((row) => keyOf(projection, row)))
    gone.push(...old.filter((row) => !kept.has(keyOf(projection, row))))
  }
  return [
    ...(gone.length === 0 ? [] : [() => remove(client, projection, gone)]),
    ...(changed.length === 0 ? [] : [() => upsert(client, projection, changed)]),
  ]
}

/** Adds rows set-wise to a table without keys. */
export async function insert<Row extends object>(
  client: Queryable,
  schema: string,
  projection: Projection<Row>,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return
  await client.query(insertStatement(schema, projection), parametersOf(projection, rows))
}

/** Inserts or replaces rows set-wise. Sorted by key, so that two writers never wait in a circle. */
async function upsert<Row extends object>(
  client: Queryable,
  projection: Projection<Row>,
  rows: readonly Row[],
): Promise<void> {
  await client.query({
    name: `lethe_upsert_${projection.table}`,
    text: upsertStatement(projection),
    values: parametersOf(projection, rows),
  })
}

function parametersOf<Row extends object>({ columns }: Projection<Row>, rows: readonly Row[]): unknown[] {
  const fields = Object.keys(columns) as (keyof Row & string)[]
  return fields.map((field) => rows.map((row) => parameter(row[field], columns[field])))
}

const upserts = new Map<string, string>()

function upsertStatement<Row extends object>(projection: Projection<Row>): string {
  const { table, key, columns } = projection
  const known = upserts.get(table)
  if (known !== undefined) return known
  const keys = key.map(columnOf)
  const names = Object.keys(columns).map(columnOf)
  const updates = names.filter((name) => !keys.includes(name)).map((name) => `${name} = excluded.${name}`)
  const text = `${insertStatement(LIVE, projection)}
    ORDER BY ${keys.join(', ')}
    ON CONFLICT (${keys.join(', ')}) DO UPDATE SET ${updates.join(', ')}`
  upserts.set(table, text)
  return text
}

function insertStatement<Row extends object>(schema: string, { table, columns }: Projection<Row>): string {
  const fields = Object.entries<ColumnType>(columns)
  const names = fields.map(([field]) => columnOf(field))
  // jsonb[] cannot be bound as an array of texts, so its elements are cast one by one.
  const arrays = fields.map(([, type], index) => `$${index + 1}::${type === 'jsonb' ? 'text' : type}[]`)
  const values = fields.map(([field, type]) =>
    type === 'jsonb' ? `${columnOf(field)}::jsonb` : columnOf(field),
  )
  return `
    INSERT INTO ${schema}.${table} (${names.join(', ')})
    SELECT ${values.join(', ')} FROM unnest(${arrays.join(', ')}) AS given (${names.join(', ')})`
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

/** Field by field: most rows that changed show it in a number, long before their json is looked at. */
function isSame<Row extends object>({ columns }: Projection<Row>, row: Row, known: Row | undefined): boolean {
  if (known === undefined) return false
  for (const [field, type] of Object.entries<ColumnType>(columns)) {
    const [now, then] = [row[field as keyof Row], known[field as keyof Row]]
    if (now === then) continue
    if (type !== 'jsonb' || JSON.stringify(now) !== JSON.stringify(then)) return false
  }
  return true
}

function keyOf<Row extends object>({ key }: Projection<Row>, row: Row): string {
  return JSON.stringify(key.map((field) => row[field]))
}

function parameter(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null
  return type === 'jsonb' ? JSON.stringify(value) : value
}
