import type { Pool, PoolClient } from 'pg'

/** One caller's key within its tenant, as the digest it is stored under. */
export interface KeyRow {
  readonly tenantId: string
  /** Under the newest pepper. */
  readonly digest: string
  readonly requestId: string
}

/** Requests that were accepted under any of these digests, by digest. */
export async function findKeys(
  client: Pool | PoolClient,
  keys: readonly { tenantId: string; digests: readonly string[] }[],
): Promise<ReadonlyMap<string, string>> {
  const flat = keys.flatMap((key) => key.digests.map((digest) => [key.tenantId, digest] as const))
  if (flat.length === 0) return new Map()
  const { rows } = await client.query<{ digest: string; request_id: string }>({
    name: 'idempotency-find',
    text: `SELECT i.digest, i.request_id FROM unnest($1::text[], $2::text[]) AS asked (tenant_id, digest)
           JOIN events.idempotency i USING (tenant_id, digest)`,
    values: [flat.map(([tenantId]) => tenantId), flat.map(([, digest]) => digest)],
  })
  return new Map(rows.map((row) => [row.digest, row.request_id]))
}

/**
 * Claims the keys for these requests, in digest order so that two batches never wait for each other in a
 * circle. Waits for a transaction that is claiming the same key. @returns digests that were claimed
 */
export async function claimKeys(client: PoolClient, rows: readonly KeyRow[]): Promise<ReadonlySet<string>> {
  const ordered = [...rows].sort((a, b) => (a.digest < b.digest ? -1 : 1))
  const claimed = await client.query<{ digest: string }>({
    name: 'idempotency-claim',
    text: `INSERT INTO events.idempotency (tenant_id, digest, request_id)
           SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
           ON CONFLICT DO NOTHING RETURNING digest`,
    values: [
      ordered.map((row) => row.tenantId),
      ordered.map((row) => row.digest),
      ordered.map((row) => row.requestId),
    ],
  })
  return new Set(claimed.rows.map((row) => row.digest))
}
