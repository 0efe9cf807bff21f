import { randomInt, randomUUID } from 'node:crypto'
import { type DrillContext, type Identifier, type IdentifierType, TerminalError } from '@lethe/eraser-kit'
import type { Pool } from 'pg'
import type { PostgresOptions } from '../database.js'
import type { PostgresSystem } from '../grammar.js'
import { quote } from '../sql.js'

export type PostgresDrill = DrillContext<PostgresOptions, PostgresSystem>

/** The table people stand in, and the columns that name them, by type of identifier. */
export interface PersonTable {
  readonly name: string
  /** Quoted, with its schema. */
  readonly sql: string
  readonly columns: ReadonlyMap<IdentifierType, string>
}

interface Column {
  readonly name: string
  readonly type: string
  readonly kind: string
  readonly length: number | null
  readonly required: boolean
  readonly first_label: string | null
}

/** @throws TerminalError when the map does not say where people stand */
export async function personTable(pool: Pool, { system, canonical }: PostgresDrill): Promise<PersonTable> {
  const path = system.resolves?.[canonical]
  if (path === undefined)
    throw new TerminalError(
      'drill_no_person',
      `The data map does not say where people stand: add resolves: { ${canonical}: table.column } to the system.`,
    )
  const table = path.slice(0, path.lastIndexOf('.'))
  const columns = new Map<IdentifierType, string>()
  for (const [type, one] of Object.entries(system.resolves ?? {}))
    if (one.slice(0, one.lastIndexOf('.')) === table)
      columns.set(type as IdentifierType, one.slice(one.lastIndexOf('.') + 1))
  const sql = table.split('.').map(quote).join('.')
  const { rows } = await pool.query<{ known: boolean }>('SELECT to_regclass($1) IS NOT NULL AS known', [sql])
  if (!rows[0]?.known)
    throw new TerminalError(
      'missing_table',
      `There is no table ${table}, where the data map says people stand.`,
    )
  return { name: table, sql, columns }
}

/** The record of a made-up person: whatever must not be empty, the identifiers, tenant and creation column. */
export async function recordOf(
  pool: Pool,
  person: PersonTable,
  drill: PostgresDrill,
  tenantId: string,
): Promise<{ readonly names: readonly string[]; readonly values: readonly unknown[] }> {
  const columns = await columnsOf(pool, person)
  const { tenant, system, values, canonical } = drill
  const tenantColumn = 'column' in tenant ? tenant.column : null
  const created = system.elements.find(
    ({ table, createdAt }) => table === person.name && createdAt,
  )?.createdAt
  const typeOf = new Map([...person.columns].map(([type, name]) => [name, type]))
  const record = new Map<string, unknown>()
  for (const column of columns) {
    const { name, required } = column
    const type = typeOf.get(name)
    const wanted =
      required || name === tenantColumn || name === created || (type === 'email' && !(name in values))
    if (name in values) record.set(name, values[name])
    else if (name === tenantColumn) record.set(name, tenantId)
    else if (type === 'email') record.set(name, `lethe-drill-${drill.drillId}@drill.invalid`)
    else if (type === 'phone' && required) record.set(name, `+999${randomInt(10 ** 9, 10 ** 10)}`)
    else if (type === canonical && required) record.set(name, writtenInto(column, drill.drillId, person.name))
    else if (wanted) record.set(name, writtenInto(column, drill.drillId, person.name))
  }
  return { names: [...record.keys()], values: [...record.values()] }
}

const NUMBERS = new Set(['int4', 'int8', 'numeric'])

function writtenInto(
  { name, type, kind, length, first_label }: Column,
  drillId: string,
  table: string,
): unknown {
  const text = `lethe-drill-${drillId}`
  if (['text', 'varchar', 'citext', 'bpchar', 'name'].includes(type))
    return text.slice(-(length ?? text.length))
  if (type === 'uuid') return randomUUID()
  if (type === 'int2') return randomInt(30_000, 32_000)
  if (NUMBERS.has(type)) return randomInt(2_000_000_000, 2_147_000_000)
  if (type === 'float4' || type === 'float8') return 0
  if (type === 'bool') return false
  if (['timestamptz', 'timestamp', 'date'].includes(type)) return new Date(Date.now() - 60_000)
  if (type === 'time' || type === 'timetz') return '00:00'
  if (type === 'json' || type === 'jsonb') return '{}'
  if (type === 'inet' || type === 'cidr') return '127.0.0.1'
  if (type === 'bytea') return Buffer.alloc(0)
  if (kind === 'e') return first_label
  if (type.startsWith('_')) return '{}'
  throw new TerminalError(
    'drill_value_missing',
    `A drill can not know what to write into ${table}.${name} (${type}): say it in LETHE_DRILL_VALUES.`,
  )
}

async function columnsOf(pool: Pool, { sql }: PersonTable): Promise<Column[]> {
  const { rows } = await pool.query<Column>(
    `SELECT a.attname AS name, b.typname AS type, b.typtype AS kind,
       CASE WHEN b.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN a.atttypmod - 4 END AS length,
       (a.attnotnull OR t.typnotnull) AND NOT a.atthasdef AND a.attidentity = '' AS required,
       (SELECT enumlabel FROM pg_enum WHERE enumtypid = b.oid ORDER BY enumsortorder LIMIT 1) AS first_label
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
       JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND a.attidentity <> 'a' ORDER BY a.attnum`,
    [sql],
  )
  return rows
}

/** A statement that finds the person by any identifier, exactly as text; it shares nothing with the connector's own. */
export function countOf(
  person: PersonTable,
  identifiers: readonly Identifier[],
): { readonly text: string; readonly values: readonly string[] } {
  const values: string[] = []
  const any = identifiers.flatMap(({ type, value }) => {
    const column = person.columns.get(type)
    return column === undefined ? [] : [`p.${quote(column)}::text = $${values.push(value)}`]
  })
  const where = any.length > 0 ? any.join(' OR ') : 'false'
  return { text: `SELECT count(*)::int4 AS found FROM ${person.sql} AS p WHERE ${where}`, values }
}
