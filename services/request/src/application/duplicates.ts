import type { Pool, PoolClient } from 'pg'

/**
 * Locks taken at most per transaction: PostgreSQL's lock table is shared by everybody. Fewer buckets would make
 * batches of different people wait for each other.
 */
const buckets = 4_096

/** Digests of one request within its tenant. */
export interface Marked {
  readonly tenantId: string
  readonly digests: readonly string[]
}

/**
 * Until the transaction ends, nobody else may look for or write digests that fall into the same buckets: of two
 * requests for one person that arrive together, the second sees the first.
 */
export async function lockDigests(client: PoolClient, rows: readonly Marked[]): Promise<void> {
  const digests = [...new Set(rows.flatMap((row) => row.digests))]
  if (digests.length === 0) return
  await client.query({
    name: 'digests-lock',
    text: `SELECT pg_advisory_xact_lock(4931, bucket) FROM (
             SELECT DISTINCT abs(hashtext(digest) % $2) AS bucket FROM unnest($1::text[]) AS digest ORDER BY 1
           ) AS ordered`,
    values: [digests, buckets],
  })
}

/**
 * Requests of the same tenant that share a digest and have not erased the person yet, by `tenant digest`.
 * A request that is live-erased is no duplicate: who signed up again may ask again.
 */
export async function openRequests(
  client: Pool | PoolClient,
  rows: readonly Marked[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const flat = rows.flatMap((row) => row.digests.map((digest) => [row.tenantId, digest] as const))
  if (flat.length === 0) return new Map()
  const { rows: found } = await client.query<{ tenant_id: string; digest: string; request_id: string }>({
    name: 'digests-open',
    text: `SELECT d.tenant_id, d.digest, d.request_id
           FROM unnest($1::text[], $2::text[]) AS asked (tenant_id, digest)
           JOIN vault.digests d USING (tenant_id, digest)
           JOIN read_model.requests r ON r.request_id = d.request_id
           WHERE r.status NOT IN ('COMPLETED', 'REFUSED', 'CANCELLED') AND r.live_erased_at IS NULL
           ORDER BY r.received_at, d.request_id`,
    values: [flat.map(([tenantId]) => tenantId), flat.map(([, digest]) => digest)],
  })
  const open = new Map<string, string[]>()
  for (const row of found) {
    const key = markOf(row.tenant_id, row.digest)
    open.set(key, [...(open.get(key) ?? []), row.request_id])
  }
  return open
}

export const markOf = (tenantId: string, digest: string): string => `${tenantId} ${digest}`
