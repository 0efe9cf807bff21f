import { readCatalogue } from './catalogue.js'
import { connect, openPool, type PostgresContext } from './database.js'
import { crossing } from './errors.js'
import type { PostgresSystem } from './grammar.js'

/**
 * The elements and resolvers of a section whose tables are in this database: those of an older map may have been
 * dropped since. A table that is there without a column of the map is no such case: that stays to be refused.
 */
export async function present(context: PostgresContext): Promise<PostgresSystem | null> {
  const pool = openPool({ ...context.options, connections: 1 }, `lethe tables of ${context.systemId}`)
  try {
    const client = await connect(pool)
    try {
      const catalogue = await readCatalogue(client)
      const there = (table: string | undefined) => table === undefined || Boolean(catalogue.find(table))
      const tableOf = (column: string) => column.slice(0, column.lastIndexOf('.'))
      const { elements, resolves = {}, ...rest } = context.system
      const kept = elements.filter(({ table, via }) => there(table) && there(via))
      const leading = Object.entries(resolves).filter(([, column]) => there(tableOf(column)))
      return kept.length === 0
        ? null
        : {
            ...rest,
            elements: kept,
            ...(leading.length > 0 ? { resolves: Object.fromEntries(leading) } : {}),
          }
    } finally {
      client.release()
    }
  } catch (error) {
    throw crossing(error, 'look which tables of the data map are there')
  } finally {
    await pool.end()
  }
}
