import { TerminalError } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import type { Catalogue, Column, Table } from './catalogue.js'
import { columnNamed } from './named.js'
import { nameOf } from './selector.js'
import { Parameters, quote } from './sql.js'
import type { Target } from './targets.js'

/**
 * The row that references of erased people are repointed to: one per table, and per tenant where the
 * table has tenants; created on first need and remembered in lethe.shared_rows. Returns the new value
 * of each foreign-key column, without the tenant's.
 */
export async function sharedRow(
  db: ClientBase,
  target: Target,
  catalogue: Catalogue,
  tenantName: string | null,
  tenantId: string,
): Promise<Record<string, string>> {
  const { reference } = target
  const parent = reference && catalogue.tables.get(reference.parent)
  if (!reference || !parent)
    throw new TerminalError('map_mismatch', `${target.collection}: detach has no target.`)
  const tenantColumn = tenantName === null ? undefined : parent.columns.get(tenantName)
  const tenant = tenantColumn ? tenantId : ''
  const collection = `${parent.schema}.${parent.name}`
  // Two batches must not create two rows; the lock is only ever waited for while one is being created.
  await db.query(`SELECT pg_advisory_xact_lock(hashtext('lethe.shared_rows'), hashtext($1))`, [
    collection + tenant,
  ])
  const known = await db.query<{ key: Record<string, string> }>(
    'SELECT key FROM lethe.shared_rows WHERE tenant_id = $1 AND collection = $2',
    [tenant, collection],
  )
  const kept = known.rows[0]?.key
  const key =
    kept && (await exists(db, parent, kept))
      ? kept
      : await create(db, target, parent, catalogue, tenantColumn, tenant)
  if (key !== kept) {
    await db.query(
      `INSERT INTO lethe.shared_rows (tenant_id, collection, key) VALUES ($1, $2, $3)
       ON CONFLICT (tenant_id, collection) DO UPDATE SET key = excluded.key`,
      [tenant, collection, key],
    )
  }
  return Object.fromEntries(
    reference.childColumns.flatMap((child, at) => {
      const parentColumn = reference.parentColumns[at] ?? ''
      return parentColumn === tenantColumn?.name ? [] : [[child, key[parentColumn] ?? '']]
    }),
  )
}

async function exists(
  db: ClientBase,
  parent: Table,
  key: Readonly<Record<string, string>>,
): Promise<boolean> {
  const parameters = new Parameters()
  const where = Object.entries(key).map(
    ([name, value]) => `${quote(name)} = ${parameters.add(value)}::text::${columnNamed(parent, name).type}`,
  )
  const { rows } = await db.query(
    `SELECT 1 FROM ${nameOf(parent)} WHERE ${where.join(' AND ')}`,
    parameters.values,
  )
  return rows.length > 0
}

async function create(
  db: ClientBase,
  target: Target,
  parent: Table,
  catalogue: Catalogue,
  tenantColumn: Column | undefined,
  tenantId: string,
): Promise<Record<string, string>> {
  const parameters = new Parameters()
  const cells = sharedCells(target, parent, catalogue, tenantColumn, tenantId, parameters)
  const names = cells.map(({ name }) => quote(name))
  const values = cells.map(({ sql }) => sql)
  const columns = names.length > 0 ? `(${names.join(', ')}) VALUES (${values.join(', ')})` : 'DEFAULT VALUES'
  const wanted = target.reference?.parentColumns ?? []
  const returning = wanted.map((name) => `${quote(name)}::text AS ${quote(name)}`).join(', ')
  const { rows } = await db.query<Record<string, string>>(
    `INSERT INTO ${nameOf(parent)} ${columns} RETURNING ${returning}`,
    parameters.values,
  )
  return rows[0] ?? {}
}

/**
 * What a new shared row gets; columns that can do without are left out. Throws a TerminalError
 * `shared_row_impossible` naming the column whose value nobody but the map's author can know.
 */
export function sharedCells(
  target: Target,
  parent: Table,
  catalogue: Catalogue,
  tenantColumn: Column | undefined,
  tenantId: string,
  parameters: Parameters,
): { name: string; sql: string }[] {
  const given = target.element.row ?? {}
  for (const name of Object.keys(given)) columnNamed(parent, name)
  return [...parent.columns.values()].flatMap((column) => {
    const sql = Object.hasOwn(given, column.name)
      ? `${parameters.add(String(given[column.name]))}::text::${column.type}`
      : column === tenantColumn
        ? `${parameters.add(tenantId)}::text::${column.type}`
        : filler(column, parent, catalogue)
    return sql === null ? [] : [{ name: column.name, sql }]
  })
}

/** A neutral value for a column that must have one; null when the column can do without. */
function filler(column: Column, parent: Table, catalogue: Catalogue): string | null {
  if (!column.notNull || column.hasDefault || column.generated) return null
  const refused = `Table ${parent.name} needs a value for ${column.name} in the shared row: give it under row:.`
  const references = catalogue.references.some(
    (key) => key.child === parent.oid && key.childColumns.includes(column.name),
  )
  if (references) throw new TerminalError('shared_row_impossible', refused)
  const unique = parent.unique.some((columns) => columns.includes(column.name))
  const text = unique ? `'deleted-' || replace(gen_random_uuid()::text, '-', '')` : `'deleted'`
  const fillers: Readonly<Record<string, string>> = {
    text,
    citext: text,
    varchar: column.maxLength ? `left(${text}, ${column.maxLength})` : text,
    bpchar: column.maxLength ? `left(${text}, ${column.maxLength})` : text,
    int2: unique ? '(-1 - floor(random() * 32767))::int2' : '0',
    int4: unique ? '(-1 - floor(random() * 2147483647))::int4' : '0',
    int8: unique ? '(-1 - floor(random() * 9007199254740991))::int8' : '0',
    numeric: '0',
    float4: '0',
    float8: '0',
    uuid: 'gen_random_uuid()',
    bool: 'false',
    timestamptz: `to_timestamp(0)`,
    timestamp: `timestamp 'epoch'`,
    date: `date 'epoch'`,
    json: `'{}'`,
    jsonb: `'{}'`,
  }
  const value = fillers[column.base]
  if (value === undefined) throw new TerminalError('shared_row_impossible', refused)
  return value
}
