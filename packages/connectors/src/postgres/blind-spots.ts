import type { Finding } from '@lethe/eraser-kit'
import type { ClientBase } from 'pg'
import type { PostgresSystem } from './grammar.js'
import { looksFor } from './probe-looks.js'
import { type ProbeTable, readShape } from './probe-shape.js'
import type { Plan } from './targets.js'

/**
 * Tables the probe has to look into and, with its role, can't: every answer is `inconclusive` while there is one,
 * and no erasure completes. Asked with the probe's own reading of the catalogue, as one that shares the eraser's
 * would share its mistakes. Empty for identifiers the map does not speak of.
 */
export async function blindSpots(
  db: ClientBase,
  { canonical }: Plan,
  system: PostgresSystem,
): Promise<Finding[]> {
  const shape = await readShape(db)
  const named = system.elements.flatMap(({ identifier }) => (identifier ? [identifier] : []))
  const types = [...new Set([canonical, ...Object.keys(system.resolves ?? {}), ...named])]
  const looks = looksFor(shape, { system, canonical }, types as (typeof canonical)[])
  const wanted = new Set(looks.flatMap(({ table, holder }) => [table, holder]))
  return [...wanted].flatMap((table) => findingOn(table))
}

function findingOn({ schema, name, readable, filtered }: ProbeTable): Finding[] {
  const finding = { level: 'error', where: `${schema}.${name}` } as const
  if (!readable) {
    const message = `May hold the person, and the probe's role can't read it: no erasure completes. GRANT SELECT on it, or name its columns under ignore:.`
    return [{ ...finding, code: 'unreadable_table', message }]
  }
  if (!filtered) return []
  const message = `May hold the person, and row-level security hides rows of it from the probe's role: no erasure completes. Give the role BYPASSRLS, or name its columns under ignore:.`
  return [{ ...finding, code: 'rls_active', message }]
}
