import { type Catalogue, readCatalogue } from './catalogue.js'
import { connect, openPool, type PostgresContext } from './database.js'
import { crossing } from './errors.js'
import type { PostgresElement, PostgresSystem } from './grammar.js'
import { compileAll, type Misfit } from './targets.js'

/**
 * What of an older map's section is in this database: tables and columns may have been dropped since. Where the map in
 * force overwrites the same columns, what it writes there counts: two maps can't both find their own value. Rows that it
 * retains, found the same way, are not the older one's to delete. Whatever else does not fit stays, to be refused.
 */
export async function present(
  context: PostgresContext,
  inForce: PostgresSystem,
): Promise<PostgresSystem | null> {
  const pool = openPool({ ...context.options, connections: 1 }, `lethe tables of ${context.systemId}`)
  try {
    const client = await connect(pool)
    try {
      return whatIsThere(context, inForce, await readCatalogue(client))
    } finally {
      client.release()
    }
  } catch (error) {
    throw crossing(error, 'look which tables of the data map are there')
  } finally {
    await pool.end()
  }
}

const GONE = new Set(['missing_table', 'missing_column'])

function whatIsThere(
  { system, tenant, canonical }: PostgresContext,
  inForce: PostgresSystem,
  catalogue: Catalogue,
): PostgresSystem | null {
  const { resolves = {}, ...rest } = system
  const elements = system.elements.flatMap((one) => whatIsThereOf(one, inForce, catalogue) ?? [])
  const { misfits } = compileAll({ ...rest, elements, resolves }, catalogue, tenant, canonical)
  const gone = misfits.filter(({ error }) => GONE.has(error.code))
  const isGone = (...path: Misfit['path']) =>
    gone.some((one) => path.every((part, at) => one.path[at] === part))
  const kept = elements.filter((_, index) => !isGone('elements', index))
  const leading = Object.entries(resolves).filter(([type]) => !isGone('resolves', type))
  if (kept.length === 0) return null
  return { ...rest, elements: kept, ...(leading.length > 0 ? { resolves: Object.fromEntries(leading) } : {}) }
}

/** Without columns that would only be written or read besides; null where that leaves nothing to be done. */
function whatIsThereOf(
  element: PostgresElement,
  inForce: PostgresSystem,
  catalogue: Catalogue,
): PostgresElement | null {
  const columns = catalogue.find(element.table)?.columns
  if (columns === undefined || isRetained(element, inForce)) return null
  const { set, json, mentions, createdAt, ...rest } = element
  const overwritten = new Set(
    inForce.elements.flatMap((one) => (one.table === element.table ? Object.keys(one.set ?? {}) : [])),
  )
  const still = <T>(of: Readonly<Record<string, T>> = {}) =>
    Object.entries(of).filter(([column]) => columns.has(column) && !overwritten.has(column))
  const [left, paths] = [still(set), still(json)]
  const kept: PostgresElement = {
    ...rest,
    ...(left.length > 0 ? { set: Object.fromEntries(left) } : {}),
    ...(paths.length > 0 ? { json: Object.fromEntries(paths) } : {}),
    ...(mentions && columns.has(mentions.column) ? { mentions } : {}),
    ...(createdAt && columns.has(createdAt) ? { createdAt } : {}),
  }
  const isIdle = kept.method === 'redact' && !kept.set && !kept.json && !kept.mentions
  return isIdle ? null : kept
}

/** Whether the law has these rows kept since: all of them, or, where a part of each may still be overwritten, from deletion. */
function isRetained(
  { table, by, identifier, via, method }: PostgresElement,
  inForce: PostgresSystem,
): boolean {
  return inForce.elements.some(
    (one) =>
      one.table === table &&
      one.by === by &&
      one.identifier === identifier &&
      one.via === via &&
      (one.method === 'retain' || (one.retain !== undefined && method === 'delete')),
  )
}
