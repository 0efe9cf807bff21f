import { parseRow, type Queryable, selectList } from '../projection.js'
import { scopeParameter, type TenantScope } from '../requests/filter.js'
import { type VerificationRow, verifications } from './fold.js'

export interface VerificationFilter {
  readonly tenants: TenantScope
  readonly requestId?: string
  readonly systemId?: string
  readonly results?: readonly string[]
}

/** The key of the last row of a page; `verificationView` goes on after it. */
export interface VerificationKey {
  readonly requestId: string
  readonly systemId: string
}

/** One row per request and system: what the erasers said and what the probe found. */
export async function verificationView(
  db: Queryable,
  filter: VerificationFilter,
  page: { limit: number; after?: VerificationKey | null },
): Promise<{ items: readonly VerificationRow[]; next: VerificationKey | null }> {
  const { rows } = await db.query(
    `SELECT ${selectList(verifications)} FROM read_model.verifications
     WHERE ($1::text[] IS NULL OR tenant_id = ANY ($1))
       AND ($2::text IS NULL OR request_id = $2)
       AND ($3::text IS NULL OR system_id = $3)
       AND ($4::text[] IS NULL OR result = ANY ($4))
       AND ($5::text IS NULL OR (request_id, system_id) > ($5, $6::text))
     ORDER BY request_id, system_id LIMIT $7`,
    [
      scopeParameter(filter.tenants),
      filter.requestId ?? null,
      filter.systemId ?? null,
      filter.results ?? null,
      page.after?.requestId ?? null,
      page.after?.systemId ?? null,
      page.limit + 1,
    ],
  )
  const items = rows.slice(0, page.limit).map((row) => parseRow(verifications, row))
  const last = items.at(-1)
  return {
    items,
    next: rows.length > page.limit && last ? { requestId: last.requestId, systemId: last.systemId } : null,
  }
}

/** The systems of one request. */
export async function verificationsOf(db: Queryable, requestId: string): Promise<VerificationRow[]> {
  const { rows } = await db.query(
    `SELECT ${selectList(verifications)} FROM read_model.verifications WHERE request_id = $1 ORDER BY system_id`,
    [requestId],
  )
  return rows.map((row) => parseRow(verifications, row))
}
