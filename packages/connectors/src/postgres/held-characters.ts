import type { Finding } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import { quote } from './sql.js'
import type { Plan } from './targets.js'

/**
 * Identifiers that are there although another section of the map says that none is like them: keys of such a
 * person could be taken for somebody else's. Reads the columns named by `resolves` until the first is found.
 */
export async function heldCharacters(
  db: ClientBase,
  { resolvers }: Plan,
  neverHeld: Readonly<Record<string, string>>,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { type, table, column } of resolvers) {
    const characters = neverHeld[type]
    if (!characters) continue
    const name = `${quote(column.name)}::text`
    const { rows } = await db.query<{ held: boolean }>(
      `SELECT EXISTS (SELECT FROM ${quote(table.schema)}.${quote(table.name)} WHERE translate(${name}, $1, '') <> ${name}) AS held`,
      [characters],
    )
    if (!rows[0]?.held) continue
    const message = `Some ${type} holds one of "${characters}", and another system of the map says idsHoldDelimiters: false: say true there, or keys of one person are taken for another's.`
    const where = `${table.schema}.${table.name}.${column.name}`
    findings.push({ level: 'error', code: 'delimiter_in_ids', where, message, path: ['resolves', type] })
  }
  return findings
}
