import { liveTombstones, type TombstoneRow } from '@lethe/request-log'
import type { Pool } from 'pg'

/** A tombstone that a self-restore took from the topic, because the log of a restored database had lost it. */
export interface RecoveredTombstone extends TombstoneRow {
  /** As on the topic; null where it had none. */
  readonly sealed: Buffer | null
}

interface Page {
  readonly limit: number
  readonly after: string
}

/**
 * Live tombstones of a system in pages by id, those of the log and those recovered from the topic; of two with the
 * same id the younger one.
 */
export async function withRecovered(
  pool: Pool,
  systemId: string,
  now: number,
  page: Page,
): Promise<{ rows: TombstoneRow[]; recovered: ReadonlyMap<string, RecoveredTombstone> }> {
  const [own, others] = await Promise.all([
    liveTombstones(pool, systemId, now, page),
    recoveredTombstones(pool, systemId, now, page),
  ])
  if (others.length === 0) return { rows: own, recovered: new Map() }
  const byId = new Map(own.map((row) => [row.tombstoneId, row]))
  const recovered = new Map<string, RecoveredTombstone>()
  for (const row of others) {
    if ((byId.get(row.tombstoneId)?.sequence ?? 0) >= row.sequence) continue
    byId.set(row.tombstoneId, row)
    recovered.set(row.tombstoneId, row)
  }
  const rows = [...byId.values()]
    .sort((a, b) => (a.tombstoneId < b.tombstoneId ? -1 : 1))
    .slice(0, page.limit)
  return { rows, recovered }
}

async function recoveredTombstones(
  pool: Pool,
  systemId: string,
  now: number,
  { after, limit }: Page,
): Promise<RecoveredTombstone[]> {
  const { rows } = await pool.query<Record<string, unknown>>({
    name: 'tombstones-recovered',
    text: `SELECT r.*, coalesce(l.subject_ref, q.subject_ref, r.request_id) AS subject_ref
           FROM restore.recovered_tombstones r
           LEFT JOIN restore.lost_requests l USING (request_id) LEFT JOIN read_model.requests q USING (request_id)
           WHERE r.system_id = $1 AND r.expires_at > $2 AND r.tombstone_id > $3 ORDER BY r.tombstone_id LIMIT $4`,
    values: [systemId, now, after, limit],
  })
  return rows.map((row) => ({
    tombstoneId: row.tombstone_id as string,
    requestId: row.request_id as string,
    systemId: row.system_id as string,
    tenantId: row.tenant_id as string,
    subjectRef: row.subject_ref as string,
    sequence: Number(row.sequence),
    epoch: row.epoch as string,
    sealed: row.sealed as Buffer | null,
    mapVersion: row.map_version as number,
    effectiveAt: Number(row.effective_at),
    expiresAt: Number(row.expires_at),
    recurEvery: row.recur_every as string | null,
    heldUntil: row.held_until === null ? null : Number(row.held_until),
  }))
}
