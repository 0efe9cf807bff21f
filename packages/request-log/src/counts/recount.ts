import type { Queryable } from '../projections/projection.js'
import type { Difference } from '../rebuild/compare.js'

export const COUNTS = 'read_model.request_counts'

const CELL = 'tenant_id, status, live_erased, backup_clear'
const counted = (schema: string) =>
  `SELECT tenant_id, status, live_erased_at IS NOT NULL AS live_erased, backup_clear, count(*) AS n
   FROM ${schema}.requests GROUP BY 1, 2, 3, 4`

/** Cells whose sum is not the number of such requests in that schema. */
export async function compareCounts(client: Queryable, rebuilt: string): Promise<Difference[]> {
  const { rows } = await client.query<{ key: string; live: string | null; rebuilt: string | null }>(
    `WITH live AS (SELECT ${CELL}, sum(n) AS n FROM ${COUNTS} GROUP BY ${CELL} HAVING sum(n) <> 0),
          rebuilt AS (${counted(rebuilt)})
     SELECT concat_ws('/', ${CELL}) AS key, live.n::text AS live, rebuilt.n::text AS rebuilt
     FROM live FULL JOIN rebuilt USING (${CELL})
     WHERE live.n IS DISTINCT FROM rebuilt.n ORDER BY key`,
  )
  return rows.map((row) => ({ table: 'request_counts', ...row }))
}

/** Counts the requests of that schema anew. The caller keeps writers away meanwhile. */
export async function recount(client: Queryable, schema: string): Promise<void> {
  await client.query(`DELETE FROM ${COUNTS}`)
  await client.query(`INSERT INTO ${COUNTS} (${CELL}, n) ${counted(schema)}`)
}
