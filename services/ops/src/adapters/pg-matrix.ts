import { type Queryable, scopeParameter, type TenantScope, type VerificationRow } from '@lethe/request-log'
import { residueOf } from '../domain/residue.js'

/** What is worst about a request, worst first. */
export const findings = ['residual', 'inconclusive', 'other'] as const
export type Finding = (typeof findings)[number]

/** The last row of a page. */
export interface MatrixKey {
  readonly finding: Finding
  readonly requestId: string
}

export interface MatrixFilter {
  readonly tenants: TenantScope
  readonly systemId: string | null
  /** Only these; null: all. */
  readonly finding: Finding | null
}

const scope = '($1::text[] IS NULL OR one.tenant_id = ANY ($1)) AND ($2::text IS NULL OR one.system_id = $2)'
const has = (result: string) =>
  `EXISTS (SELECT FROM read_model.verifications AS any_of
     WHERE any_of.request_id = one.request_id AND any_of.result = '${result}')`

/** The others newest first, which their ids are made for. Each is read along an index and ends at its limit. */
const statements: Readonly<Record<Finding, string>> = {
  residual: `SELECT DISTINCT one.request_id FROM read_model.verifications AS one
    WHERE one.result = 'residual' AND ${scope} AND ($3::text IS NULL OR one.request_id > $3)
    ORDER BY one.request_id LIMIT $4`,
  inconclusive: `SELECT DISTINCT one.request_id FROM read_model.verifications AS one
    WHERE one.result = 'inconclusive' AND NOT ${has('residual')} AND ${scope}
      AND ($3::text IS NULL OR one.request_id > $3)
    ORDER BY one.request_id LIMIT $4`,
  other: `SELECT DISTINCT one.request_id FROM read_model.verifications AS one
    WHERE NOT ${has('residual')} AND NOT ${has('inconclusive')} AND ${scope}
      AND ($3::text IS NULL OR one.request_id < $3)
    ORDER BY one.request_id DESC LIMIT $4`,
}

/** Requests with residues first, then those a probe could not tell, then the others. */
export async function matrixKeys(
  db: Queryable,
  filter: MatrixFilter,
  page: { limit: number; after: MatrixKey | null },
): Promise<{ keys: readonly MatrixKey[]; next: MatrixKey | null }> {
  const keys: MatrixKey[] = []
  const from = page.after === null ? 0 : findings.indexOf(page.after.finding)
  const wanted = findings.slice(from).filter((one) => filter.finding === null || one === filter.finding)
  for (const finding of wanted) {
    const after = finding === page.after?.finding ? page.after.requestId : null
    const { rows } = await db.query<{ request_id: string }>(statements[finding], [
      scopeParameter(filter.tenants),
      filter.systemId,
      after,
      page.limit + 1 - keys.length,
    ])
    keys.push(...rows.map((row) => ({ finding, requestId: row.request_id })))
    if (keys.length > page.limit) return { keys: keys.slice(0, -1), next: keys.at(-2) ?? null }
  }
  return { keys, next: null }
}

/** How many requests there are with each of the two that need somebody; counted as the matrix lists them. */
export async function countFindings(
  db: Queryable,
  tenants: TenantScope,
): Promise<{ residual: number; inconclusive: number }> {
  const { rows } = await db.query<{ residual: string; inconclusive: string }>(
    `SELECT count(*) FILTER (WHERE residual) AS residual, count(*) FILTER (WHERE NOT residual) AS inconclusive
     FROM (SELECT one.request_id, bool_or(one.result = 'residual') AS residual
       FROM read_model.verifications AS one
       WHERE one.result IN ('residual', 'inconclusive') AND ($1::text[] IS NULL OR one.tenant_id = ANY ($1))
       GROUP BY one.request_id) AS request`,
    [scopeParameter(tenants)],
  )
  return { residual: Number(rows[0]?.residual ?? 0), inconclusive: Number(rows[0]?.inconclusive ?? 0) }
}

/** Completed requests, of all tenants, of which a probe has found something left. */
export async function countResidueAfterCompletion(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ n: string }>(
    `SELECT count(DISTINCT one.request_id) AS n FROM read_model.verifications AS one
     JOIN read_model.requests AS request USING (request_id)
     WHERE one.result = 'residual' AND request.status = 'COMPLETED'`,
  )
  return Number(rows[0]?.n ?? 0)
}

/** What is known of one request in one system. */
export interface Cell {
  readonly systemId: string
  readonly status: string
  readonly result: string | null
  /** Epoch milliseconds. */
  readonly checkedAt: number | null
  readonly verified: boolean
  /** Somebody says that it is done, where no probe can look. */
  readonly attested: boolean
  /** Records a probe still found, over all collections; null before one told, or where it could not look. */
  readonly residual: number | null
}

/** The cells of these requests, by request. */
export async function matrixCells(
  db: Queryable,
  requestIds: readonly string[],
): Promise<Map<string, { tenantId: string; cells: Cell[] }>> {
  const { rows } = await db.query<{
    request_id: string
    tenant_id: string
    system_id: string
    status: string
    result: string | null
    checked_at: string | null
    detail: VerificationRow['detail']
  }>(
    `SELECT request_id, tenant_id, system_id, status, result, checked_at, detail FROM read_model.verifications
     WHERE request_id = ANY ($1::text[]) ORDER BY request_id, system_id`,
    [requestIds],
  )
  const found = new Map<string, { tenantId: string; cells: Cell[] }>()
  for (const row of rows) {
    const one = found.get(row.request_id) ?? { tenantId: row.tenant_id, cells: [] }
    found.set(row.request_id, one)
    one.cells.push({
      systemId: row.system_id,
      status: row.status,
      result: row.result,
      checkedAt: row.checked_at === null ? null : Number(row.checked_at),
      verified: row.detail.verified,
      attested: row.detail.attested ?? false,
      residual: residueOf(row.detail.probe),
    })
  }
  return found
}
