import { parseRow, type Queryable, selectList } from '../projection.js'
import { type TombstoneRow, tombstones } from './fold.js'

const SELECT = `SELECT ${selectList(tombstones)} FROM read_model.tombstones`

export async function tombstonesOf(db: Queryable, requestId: string): Promise<TombstoneRow[]> {
  const { rows } = await db.query(`${SELECT} WHERE request_id = $1 ORDER BY tombstone_id`, [requestId])
  return rows.map((row) => parseRow(tombstones, row))
}

/**
 * Tombstones of a system that are still in force at `now` (epoch milliseconds), in pages by id:
 * give the last id back as `after`.
 */
export async function liveTombstones(
  db: Queryable,
  systemId: string,
  now: number,
  page: { limit: number; after?: string },
): Promise<TombstoneRow[]> {
  const { rows } = await db.query(
    `${SELECT} WHERE system_id = $1 AND expires_at > $2 AND tombstone_id > $3 ORDER BY tombstone_id LIMIT $4`,
    [systemId, now, page.after ?? '', page.limit],
  )
  return rows.map((row) => parseRow(tombstones, row))
}

/** Of a tenant's requests that have one of these digests, those still in force for a system at `now` (epoch milliseconds). */
export async function tombstonesWithDigests(
  db: Queryable,
  of: { readonly systemId: string; readonly tenantId: string; readonly digests: readonly string[] },
  now: number,
): Promise<TombstoneRow[]> {
  const { rows } = await db.query(
    `${SELECT} WHERE system_id = $1 AND expires_at > $2 AND request_id IN (
       SELECT request_id FROM vault.digests WHERE tenant_id = $3 AND digest = ANY($4::text[])) ORDER BY tombstone_id`,
    [of.systemId, now, of.tenantId, of.digests],
  )
  return rows.map((row) => parseRow(tombstones, row))
}
