import type { Finding } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import type { Column } from './catalogue.js'
import { type Check, type Key, readConstraints } from './constraints.js'
import { Ground, ROWS, SAMPLES } from './proof-ground.js'
import { proveUnique } from './proof-unique.js'
import { nameOf } from './selector.js'
import { quote } from './sql.js'
import type { Target } from './targets.js'

/**
 * Proves each replacement of one element against what the table asks: NOT NULL, type and length, CHECK,
 * UNIQUE and foreign keys. The server evaluates its own constraints on the very expressions an erasure
 * would assign, so `db` needs an open transaction, READ ONLY: nothing is changed, no row leaves the server.
 * `mapped`: tables whose rows the data map changes.
 */
export async function prove(
  db: ClientBase,
  target: Target,
  mapped: ReadonlySet<number>,
): Promise<readonly Finding[]> {
  const { set, json, method } = target.element
  if (!set && !json && method !== 'detach') return []
  const ground = new Ground(db, target, await readConstraints(db, target.table.oid))
  for (const name of [...ground.changes.keys()]) {
    const before = ground.findings.length
    await proveValue(ground, name)
    if (ground.findings.length > before) ground.leaveOut(name)
  }
  const { checks, uniques, keys, pointedTo, exclusions } = ground.constraints
  for (const check of checks) await proveCheck(ground, check)
  for (const unique of uniques) await proveUnique(ground, unique)
  for (const key of keys) await proveKey(ground, key)
  for (const key of pointedTo) provePointedTo(ground, key, mapped)
  for (const { name, columns } of exclusions) {
    const [first] = ground.touched(columns)
    if (first !== undefined) ground.unproven(first, `Exclusion constraint ${name}`)
  }
  return ground.findings
}

/** NOT NULL, generated columns, type, length, and the constraints of a domain. */
async function proveValue(ground: Ground, name: string): Promise<void> {
  const change = ground.changes.get(name)
  const column = ground.target.table.columns.get(name)
  if (!change || !column || change.kind === 'repointed') return
  if (column.generated)
    return ground.report(
      name,
      'replacement_generated',
      'The column is generated: redact what it is made from.',
    )
  if (change.kind === 'document') return
  if (change.kind === 'null' && column.notNull)
    return ground.report(
      name,
      'replacement_null',
      'The column is NOT NULL: give a value, or detach a reference.',
    )
  const misfit = fits(column, ground.target.element.set?.[name])
  if (misfit) return ground.report(name, misfit.code, misfit.message)
  const type = ground.typeOf(name)
  const asked = await ground.ask(`SELECT count((${change.sql})::${type}) FROM generate_series(1, ${SAMPLES})`)
  if (asked.ok) return
  if (asked.code === 'timeout') return ground.unproven(name, `Type ${type}`, asked.code)
  const own = asked.code === 'replacement_check' || asked.code === 'replacement_null'
  ground.report(name, own ? asked.code : 'replacement_type', `The replacement is no ${type}.`)
}

/** What a cast would not say: it cuts texts, and makes texts of uuids. */
function fits(column: Column, value: unknown): { code: string; message: string } | null {
  const { maxLength, base, type } = column
  const random = value !== null && typeof value === 'object' ? (value as { random: string }).random : null
  if (random === null) {
    if (maxLength === null || value === null || [...String(value)].length <= maxLength) return null
    return { code: 'replacement_too_long', message: `The column holds ${maxLength} characters.` }
  }
  if (random === 'email' && maxLength !== null && maxLength < 16)
    return {
      code: 'replacement_too_long',
      message: 'A random e-mail needs 16 characters, and 37 where it must be unique.',
    }
  const text = ['text', 'varchar', 'bpchar', 'citext'].includes(base)
  const number = ['int2', 'int4', 'int8', 'numeric'].includes(base)
  const ok = random === 'int' ? number : text || (random === 'uuid' && base === 'uuid')
  if (!ok) return { code: 'replacement_type', message: `A random ${random} is no ${type}.` }
  if (random === 'uuid' && maxLength !== null && maxLength < 36)
    return { code: 'replacement_too_long', message: 'A random uuid needs 36 characters.' }
  return null
}

async function proveCheck(ground: Ground, { name, expression, columns }: Check): Promise<void> {
  const all = [...ground.target.table.columns.keys()]
  const touched = ground.touched(columns.length > 0 ? columns : all)
  const [first] = touched
  if (first === undefined) return
  const kinds = ground.kinds(touched)
  if (kinds.includes('repointed')) return ground.unproven(first, `CHECK ${name}`)
  const alone = touched.length === columns.length && !kinds.includes('document')
  const rows = alone ? ground.fresh() : ground.redacted()
  const asked = await ground.ask(`SELECT count(*) FROM ${rows} WHERE (${expression}) IS FALSE`)
  if (!asked.ok) return ground.unproven(first, `CHECK ${name}`, asked.code)
  if (asked.rows > 0)
    ground.report(
      first,
      'replacement_check',
      `CHECK ${name} refuses the replacement: choose one that satisfies it.`,
    )
  else if (!alone) ground.unproven(first, `CHECK ${name}`)
}

async function proveKey(ground: Ground, key: Key): Promise<void> {
  const { name, columns, parent, parentColumns, full } = key
  const [first] = ground.touched(columns)
  const kinds = ground.kinds(columns)
  if (first === undefined || kinds.includes('repointed')) return
  const refuse = (why: string) => ground.report(first, 'replacement_reference', `Foreign key ${name}${why}`)
  const nulls = kinds.filter((kind) => kind === 'null').length
  if (nulls === columns.length || (nulls > 0 && !full)) return
  if (nulls > 0) return refuse(' is MATCH FULL: set all its columns to null, or none.')
  if (kinds.includes('random')) return refuse(': a fresh value points to no row. Use null, or detach.')
  const kept = columns.filter((_, at) => kinds[at] === undefined)
  const found = columns.map((column, at) => {
    const cell = ground.changes.get(column)?.sql ?? `t.${quote(column)}`
    return `p.${quote(parentColumns[at] ?? '')} = (${cell})`
  })
  const missing = `NOT EXISTS (SELECT 1 FROM ${parent} AS p WHERE ${found.join(' AND ')})`
  const from = kept.length > 0 ? `FROM (SELECT * FROM ${nameOf(ground.target.table)} LIMIT ${ROWS}) AS t` : ''
  const where = [...kept.map((column) => `t.${quote(column)} IS NOT NULL`), missing].join(' AND ')
  const asked = await ground.ask(`SELECT count(*) FROM (SELECT 1 ${from} WHERE ${where}) AS lost`)
  if (!asked.ok) return ground.unproven(first, `Foreign key ${name}`, asked.code)
  if (asked.rows > 0) return refuse(`: the replacement points to no row of ${parent}. Use null, or detach.`)
  if (kept.length > 0) ground.unproven(first, `Foreign key ${name}`)
}

/** Redacting a column that others point to: the server refuses, or changes tables the map says nothing of. */
function provePointedTo(ground: Ground, key: Key, mapped: ReadonlySet<number>): void {
  const [first] = ground.touched(key.parentColumns)
  if (first === undefined || mapped.has(key.child)) return
  const message = `Constraint ${key.name} points to this column from a table that is not mapped: map it, or keep the column.`
  const refused = key.onUpdate === 'a' || key.onUpdate === 'r'
  ground.report(first, refused ? 'replacement_referenced' : 'replacement_cascades', message)
}
