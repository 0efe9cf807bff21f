import type { Queryable } from '../projections/projection.js'
import { type ChainFinding, type ChainReport, Findings } from './findings.js'
import { contentOf } from './link.js'

const PAGE = 5_000

/**
 * Compares the projection with the chain's latest record of every tombstone. One the projection has and the chain
 * has not is fine while it waits in the outbox or was written within `graceMs`; one that has been collected is gone
 * from the projection, and then it had expired.
 *
 * @param now epoch milliseconds
 */
export async function verifyProjection(db: Queryable, now: number, graceMs = 60_000): Promise<ChainReport> {
  const findings = new Findings()
  let tombstones = 0
  let after = ''
  for (;;) {
    const { rows } = await db.query<ProjectedRow>(COMPARED, [after, PAGE])
    for (const row of rows) {
      tombstones += 1
      const where = {
        partition: row.partition,
        offset: row.offset === null ? null : Number(row.offset),
        tombstoneId: row.tombstone_id,
      }
      const code = judge(row, now, graceMs)
      if (code !== null) findings.add(code, where)
    }
    const end = rows.at(-1)
    if (end === undefined || rows.length < PAGE) break
    after = end.tombstone_id
  }
  return { records: 0, tombstones, findings: findings.listed, total: findings.total }
}

interface ProjectedRow {
  readonly tombstone_id: string
  readonly partition: number | null
  readonly offset: string | null
  readonly chained: string | null
  readonly content: Buffer | null
  readonly collected: boolean | null
  readonly sequence: string | null
  readonly tenant_id: string
  readonly request_id: string
  readonly system_id: string
  readonly map_version: number
  readonly effective_at: string
  readonly expires_at: string
  readonly recur_every: string | null
  readonly held_until: string | null
  readonly waits: boolean
}

const COMPARED = `
  WITH ids AS (
    SELECT tombstone_id FROM read_model.tombstones WHERE tombstone_id > $1
    UNION SELECT tombstone_id FROM restore.chain WHERE tombstone_id > $1
    ORDER BY tombstone_id LIMIT $2)
  SELECT ids.tombstone_id, c.partition, c."offset", c.sequence AS chained, c.content, c.collected, t.*,
    EXISTS (SELECT FROM outbox.message m WHERE m.aggregateid = ids.tombstone_id) AS waits
  FROM ids
  LEFT JOIN LATERAL (SELECT partition, "offset", sequence, content, collected FROM restore.chain
    WHERE chain.tombstone_id = ids.tombstone_id ORDER BY sequence DESC, "offset" LIMIT 1) AS c ON true
  LEFT JOIN LATERAL (
    SELECT sequence, tenant_id, request_id, system_id, map_version, effective_at, expires_at, recur_every, held_until
    FROM (SELECT sequence, tenant_id, request_id, system_id, map_version, effective_at, expires_at, recur_every,
            held_until FROM read_model.tombstones WHERE tombstone_id = ids.tombstone_id
          UNION ALL SELECT sequence, tenant_id, request_id, system_id, map_version, effective_at, expires_at,
            recur_every, held_until FROM restore.recovered_tombstones WHERE tombstone_id = ids.tombstone_id) AS both_
    ORDER BY sequence DESC LIMIT 1) AS t ON true
  ORDER BY ids.tombstone_id`

function judge(row: ProjectedRow, now: number, graceMs: number): ChainFinding['code'] | null {
  if (row.sequence === null) return row.collected === true ? null : 'tombstone_missing'
  const tombstone = {
    tombstoneId: row.tombstone_id,
    sequence: Number(row.sequence),
    tenantId: row.tenant_id,
    requestId: row.request_id,
    systemId: row.system_id,
    mapVersion: row.map_version,
    effectiveAt: Number(row.effective_at),
    expiresAt: Number(row.expires_at),
    recurEvery: row.recur_every,
    heldUntil: row.held_until === null ? null : Number(row.held_until),
  }
  if (row.content !== null && Number(row.chained) === tombstone.sequence)
    return contentOf(tombstone).equals(row.content) ? null : 'tombstone_changed'
  if (row.content !== null && Number(row.chained) > tombstone.sequence) return 'tombstone_changed'
  return row.waits || tombstone.effectiveAt > now - graceMs ? null : 'tombstone_unpublished'
}
