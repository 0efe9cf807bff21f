import type { Pool, PoolClient } from 'pg'
import { wholePerson } from './vault.js'

/**
 * What an entry `e` of request `r` is still for; `$2` is now. Everything of a request that is open, held, or
 * has a failure to be settled. Of an ended one, what its live tombstones select by; the whole person where
 * erasure recurs, because a later map may need other identifiers. A request the read models do not know is
 * not judged: its entries stay.
 */
const unsettled = `(r.request_id IS NULL OR r.status NOT IN ('COMPLETED', 'REFUSED', 'CANCELLED')
  OR jsonb_array_length(r.holds) > 0 OR r.failure IS NOT NULL)`
const live = '(t.expires_at > $2::bigint OR t.recur_every IS NOT NULL OR t.held_until > $2::bigint)'

const neededEntries = `SELECT e.request_id, e.system_id FROM vault.entries e
  LEFT JOIN read_model.requests r USING (request_id)
  WHERE e.epoch = $1 AND (${unsettled} OR EXISTS (
    SELECT FROM read_model.tombstones t WHERE t.request_id = e.request_id AND ${live}
    AND (t.system_id = e.system_id OR (e.system_id = '${wholePerson}' AND t.recur_every IS NOT NULL))))`

/** A note says why something was decided; it goes when nothing of its request is needed any more. */
const neededNotes = `SELECT n.request_id, n.note_id FROM vault.notes n
  LEFT JOIN read_model.requests r USING (request_id)
  WHERE n.epoch = $1 AND (${unsettled} OR EXISTS (
    SELECT FROM read_model.tombstones t WHERE t.request_id = n.request_id AND ${live}))`

export interface Needed {
  readonly entries: readonly { readonly requestId: string; readonly systemId: string }[]
  readonly notes: readonly { readonly requestId: string; readonly noteId: string }[]
}

/** Requests with something needed under this epoch, in id order, after `after`. */
export async function neededRequests(
  pool: Pool,
  epoch: string,
  now: number,
  page: { readonly after: string; readonly limit: number },
): Promise<string[]> {
  const { rows } = await pool.query<{ request_id: string }>(
    `SELECT DISTINCT request_id FROM (
       SELECT request_id FROM (${neededEntries}) AS entries
       UNION ALL SELECT request_id FROM (${neededNotes}) AS notes) AS needed
     WHERE request_id > $3 ORDER BY request_id LIMIT $4`,
    [epoch, now, page.after, page.limit],
  )
  return rows.map((row) => row.request_id)
}

/** What of these requests is needed under this epoch. */
export async function neededOf(
  client: PoolClient,
  epoch: string,
  now: number,
  requestIds: readonly string[],
): Promise<Needed> {
  const only = 'AS needed WHERE request_id = ANY($3::text[]) ORDER BY 1, 2'
  const values = [epoch, now, requestIds]
  const entries = await client.query<{ request_id: string; system_id: string }>(
    `SELECT * FROM (${neededEntries}) ${only}`,
    values,
  )
  const notes = await client.query<{ request_id: string; note_id: string }>(
    `SELECT * FROM (${neededNotes}) ${only}`,
    values,
  )
  return {
    entries: entries.rows.map((row) => ({ requestId: row.request_id, systemId: row.system_id })),
    notes: notes.rows.map((row) => ({ requestId: row.request_id, noteId: row.note_id })),
  }
}

export interface EpochCounts {
  readonly entries: number
  readonly notes: number
  readonly requests: number
  /** Requests with something that must be sealed anew before the key can go. */
  readonly neededRequests: number
  readonly neededEntries: number
  readonly neededNotes: number
}

/** How much is sealed under this epoch, and how much of it is needed. */
export async function countEpoch(
  client: Pool | PoolClient,
  epoch: string,
  now: number,
): Promise<EpochCounts> {
  const { rows } = await client.query<Record<keyof EpochCounts, string>>(
    `WITH needed_entries AS (${neededEntries}), needed_notes AS (${neededNotes})
     SELECT (SELECT count(*) FROM vault.entries WHERE epoch = $1) AS entries,
       (SELECT count(*) FROM vault.notes WHERE epoch = $1) AS notes,
       (SELECT count(DISTINCT request_id) FROM (
          SELECT request_id FROM vault.entries WHERE epoch = $1
          UNION ALL SELECT request_id FROM vault.notes WHERE epoch = $1) AS held) AS requests,
       (SELECT count(DISTINCT request_id) FROM (
          SELECT request_id FROM needed_entries UNION ALL SELECT request_id FROM needed_notes) AS needed)
         AS "neededRequests",
       (SELECT count(*) FROM needed_entries) AS "neededEntries",
       (SELECT count(*) FROM needed_notes) AS "neededNotes"`,
    [epoch, now],
  )
  const counted = rows[0] as Record<keyof EpochCounts, string>
  return Object.fromEntries(
    Object.entries(counted).map(([name, count]) => [name, Number(count)]),
  ) as unknown as EpochCounts
}
