import type { Queryable } from '../projections/projection.js'
import { scopeParameter, type TenantScope } from '../projections/requests/filter.js'

/** How many requests are alike in what they are counted by. */
export interface RequestCount {
  readonly status: string
  readonly liveErased: boolean
  readonly backupClear: boolean
  readonly n: number
}

/** How many requests there are, without looking at one of them; equal to counting them in the same snapshot. */
export async function requestCounts(db: Queryable, tenants: TenantScope): Promise<RequestCount[]> {
  const { rows } = await db.query<{
    status: string
    live_erased: boolean
    backup_clear: boolean
    n: string
  }>(
    `SELECT status, live_erased, backup_clear, sum(n) AS n FROM read_model.request_counts
     WHERE $1::text[] IS NULL OR tenant_id = ANY ($1)
     GROUP BY status, live_erased, backup_clear HAVING sum(n) <> 0`,
    [scopeParameter(tenants)],
  )
  return rows.map((row) => ({
    status: row.status,
    liveErased: row.live_erased,
    backupClear: row.backup_clear,
    n: Number(row.n),
  }))
}
