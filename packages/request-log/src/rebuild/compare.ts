import { projections } from '../projections/index.js'
import { columnOf, type Queryable } from '../projections/projection.js'

/** One row that is not what the log says. */
export interface Difference {
  readonly table: string
  /** The values of the row's key, in the order of the projection's key. */
  readonly key: string
  /** Null when the row is missing there. */
  readonly live: string | null
  readonly rebuilt: string | null
}

const REPORTED_PER_TABLE = 100

/** Compares the text of every row of every read model in two schemas. */
export async function compareTables(
  client: Queryable,
  live: string,
  rebuilt: string,
): Promise<{ differing: number; differences: Difference[] }> {
  const differences: Difference[] = []
  let differing = 0
  for (const { table, key } of projections) {
    const keys = key.map(columnOf)
    const { rows } = await client.query<{
      key: string
      live: string | null
      rebuilt: string | null
      total: string
    }>(
      `WITH live AS (SELECT concat_ws('/', ${keys.join(', ')}) AS key, t::text AS body FROM ${live}.${table} AS t),
            rebuilt AS (SELECT concat_ws('/', ${keys.join(', ')}) AS key, t::text AS body FROM ${rebuilt}.${table} AS t)
       SELECT key, live.body AS live, rebuilt.body AS rebuilt, count(*) OVER () AS total
       FROM live FULL JOIN rebuilt USING (key)
       WHERE live.body IS DISTINCT FROM rebuilt.body
       ORDER BY key LIMIT ${REPORTED_PER_TABLE}`,
    )
    differing += Number(rows[0]?.total ?? 0)
    differences.push(...rows.map((row) => ({ table, key: row.key, live: row.live, rebuilt: row.rebuilt })))
  }
  return { differing, differences }
}
