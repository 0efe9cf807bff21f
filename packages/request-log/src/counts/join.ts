import type { Queryable } from '../projections/projection.js'

const CELL = 'tenant_id, status, live_erased, backup_clear'

/**
 * Joins the rows of every cell into one. No reader sees a difference, and a crash leaves either the old rows or the
 * new one. While somebody else is at it, nothing is done.
 *
 * @returns how many rows it took to say what one row now says
 */
export async function joinCounts(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ n: string }>(
    `WITH many AS MATERIALIZED (
       SELECT ${CELL} FROM read_model.request_counts
       WHERE (SELECT pg_try_advisory_xact_lock(hashtextextended('lethe.request_counts', 0)))
       GROUP BY ${CELL} HAVING count(*) > 1
     ), gone AS (
       DELETE FROM read_model.request_counts WHERE (${CELL}) IN (SELECT * FROM many) RETURNING *
     ), joined AS (
       INSERT INTO read_model.request_counts (${CELL}, n)
       SELECT ${CELL}, sum(n) FROM gone GROUP BY ${CELL} HAVING sum(n) <> 0
     )
     SELECT count(*) AS n FROM gone`,
  )
  return Number(rows[0]?.n ?? 0)
}
