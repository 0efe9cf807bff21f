import type { Finding } from '@lethe/eraser-kit'
import { TerminalError } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import { type Check, type Constraints, type Key, readConstraints } from './constraints.js'
import { ask, Literals } from './proof-ground.js'
import { sharedCells } from './shared-row.js'
import { quote } from './sql.js'
import type { Plan, Target } from './targets.js'

interface Cell {
  readonly name: string
  readonly sql: string
}

/** Proves that the row which `detach` repoints to can be inserted. Needs an open read-only transaction. */
export async function proveSharedRow(db: ClientBase, target: Target, plan: Plan): Promise<Finding[]> {
  const parent = target.reference && plan.catalogue.tables.get(target.reference.parent)
  if (!parent) return []
  const problem = (message: string): Finding[] => [
    {
      level: 'error',
      code: 'shared_row_impossible',
      where: `${target.collection}.${target.by.name}`,
      message,
      path: ['elements', target.index, ...(target.element.row ? ['row'] : [])],
    },
  ]
  const tenant = 'column' in plan.tenantRule ? parent.columns.get(plan.tenantRule.column) : undefined
  let cells: Cell[]
  try {
    // Which tenant it will be is not known here, so that column is left out of the proof.
    const all = sharedCells(target, parent, plan.catalogue, tenant, '0', new Literals())
    cells = all.filter(({ name }) => name !== tenant?.name)
  } catch (error) {
    if (error instanceof TerminalError) return problem(error.message)
    throw error
  }
  const constraints = await readConstraints(db, parent.oid)
  for (const { name, sql } of cells) {
    const asked = await ask(db, `SELECT count((${sql})::${constraints.types.get(name)})`)
    const length = parent.columns.get(name)?.maxLength ?? null
    const given = target.element.row?.[name]
    if (!asked.ok || (length !== null && given !== undefined && [...String(given)].length > length))
      return problem(
        `The shared row's ${name} is no ${constraints.types.get(name)}: give another value under row:.`,
      )
  }
  const refused =
    (await refusingCheck(db, parent.name, cells, constraints)) ?? (await lostKey(db, cells, constraints))
  return refused ? problem(`${refused} refuses the shared row: give values under row: that satisfy it.`) : []
}

async function refusingCheck(
  db: ClientBase,
  table: string,
  cells: readonly Cell[],
  { checks, types }: Constraints,
): Promise<string | null> {
  const given = new Map(cells.map(({ name, sql }) => [name, sql]))
  const row = [...types].map(([name, type]) => `(${given.get(name) ?? 'NULL'})::${type} AS ${quote(name)}`)
  // A default's value is only known once it is drawn; a check that reads one is left to the server.
  const known = ({ columns }: Check) => columns.length > 0 && columns.every((name) => given.has(name))
  for (const { name, expression } of checks.filter(known)) {
    const asked = await ask(
      db,
      `SELECT count(*) FROM (SELECT ${row.join(', ')}) AS ${quote(table)} WHERE (${expression}) IS FALSE`,
    )
    if (asked.ok && asked.rows > 0) return `CHECK ${name}`
  }
  return null
}

async function lostKey(
  db: ClientBase,
  cells: readonly Cell[],
  { keys }: { readonly keys: readonly Key[] },
): Promise<string | null> {
  const given = new Map(cells.map(({ name, sql }) => [name, sql]))
  for (const { name, columns, parent, parentColumns } of keys) {
    if (!columns.every((column) => given.has(column))) continue
    const found = columns.map((column, at) => `p.${quote(parentColumns[at] ?? '')} = (${given.get(column)})`)
    const asked = await ask(db, `SELECT count(*) FROM ${parent} AS p WHERE ${found.join(' AND ')}`)
    if (asked.ok && asked.rows === 0) return `Foreign key ${name}`
  }
  return null
}
