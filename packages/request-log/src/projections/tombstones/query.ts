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
