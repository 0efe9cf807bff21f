import type { Pool, PoolClient } from 'pg'
import { wholePerson } from './vault.js'

/**
 * What a row `v` of request `r` is still for; `$2` is now. Everything of a request that is open, held, or
 * has a failure to be settled. Of an ended one, what its live tombstones select by, and the whole person:
 * a later data map may need other identifiers, and a new pepper needs digests. A request the read models do
 * not know is not judged: its entries stay.
 */
const unsettled = `(r.request_id IS NULL OR r.status NOT IN ('COMPLETED', 'REFUSED', 'CANCELLED')
  OR jsonb_array_length(r.holds) > 0 OR r.failure IS NOT NULL)`
const live = '(t.expires_at > $2::bigint OR t.recur_every IS NOT NULL OR t.held_until > $2::bigint)'
const liveTombstone = `SELECT FROM read_model.tombstones t WHERE t.request_id = v.request_id AND ${live}`

const neededEntries = `SELECT v.request_id, v.system_id FROM vault.entries v
  LEFT JOIN read_model.requests r USING (request_id)
  WHERE v.epoch = $1 AND (${unsettled} OR EXISTS (
    ${liveTombstone} AND (t.system_id = v.system_id OR v.system_id = '${wholePerson}')))`

/** A note says why something was decided; it goes when nothing of its request is needed any more. */
const neededNotes = `SELECT v.request_id, v.note_id FROM vault.notes v
  LEFT JOIN read_model.requests r USING (request_id)
  WHERE v.epoch = $1 AND (${unsettled} OR EXISTS (${liveTombstone}))`

/** Live tombstones that were last published under this epoch: whoever reads the topic needs them anew. */
const neededTombstones = `SELECT t.request_id, t.system_id FROM read_model.tombstones t
  WHERE t.epoch = $1 AND ${live}`

/** Requests of `ids` (`$1`) that something is still needed of; `$2` is now. */
export const neededAmong = `SELECT v.request_id FROM unnest($1::text[]) AS v (request_id)
  LEFT JOIN read_model.requests r USING (request_id) WHERE ${unsettled} OR EXISTS (${liveTombstone})`

export interface OfSystem {
  readonly requestId: string
  readonly systemId: string
}

export interface Needed {
  readonly entries: readonly OfSystem[]
  readonly notes: readonly { readonly requestId: string; readonly noteId: string }[]
  readonly tombstones: readonly OfSystem[]
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
       UNION ALL SELECT request_id FROM (${neededNotes}) AS notes
       UNION ALL SELECT request_id FROM (${neededTombstones}) AS tombstones) AS needed
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
  const among = async <Row extends object>(query: string): Promise<Row[]> => {
    const text = `SELECT * FROM (${query}) AS needed WHERE request_id = ANY($3::text[]) ORDER BY 1, 2`
    return (await client.query<Row>(text, [epoch, now, requestIds])).rows
  }
  const entries = await among<SystemRow>(neededEntries)
  const notes = await among<{ request_id: string; note_id: string }>(neededNotes)
  const tombstones = await among<SystemRow>(neededTombstones)
  return {
    entries: entries.map(ofSystem),
    notes: notes.map((row) => ({ requestId: row.request_id, noteId: row.note_id })),
    tombstones: tombstones.map(ofSystem),
  }
}

interface SystemRow {
  readonly request_id: string
  readonly system_id: string
}
const ofSystem = (row: SystemRow): OfSystem => ({ requestId: row.request_id, systemId: row.system_id })

export interface EpochCounts {
  readonly entries: number
  readonly notes: number
  readonly requests: number
  /**
   * Requests with something that must be sealed anew before the key can go. What a self-restore took from the topic
   * can't be: its key stays until that has expired.
   */
  readonly neededRequests: number
  readonly neededEntries: number
  readonly neededNotes: number
  /** Live tombstones that were last published under this epoch. */
  readonly neededTombstones: number
}

/** How much is sealed under this epoch, and how much of it is needed. */
export async function countEpoch(
  client: Pool | PoolClient,
  epoch: string,
  now: number,
): Promise<EpochCounts> {
  const { rows } = await client.query<Record<keyof EpochCounts, string>>(
    `WITH needed_entries AS (${neededEntries}), needed_notes AS (${neededNotes}),
       needed_tombstones AS (${neededTombstones})
     SELECT (SELECT count(*) FROM vault.entries WHERE epoch = $1) AS entries,
       (SELECT count(*) FROM vault.notes WHERE epoch = $1) AS notes,
       (SELECT count(DISTINCT request_id) FROM (
          SELECT request_id FROM vault.entries WHERE epoch = $1
          UNION ALL SELECT request_id FROM vault.notes WHERE epoch = $1) AS held) AS requests,
       (SELECT count(DISTINCT request_id) FROM (
          SELECT request_id FROM needed_entries UNION ALL SELECT request_id FROM needed_notes
          UNION ALL SELECT request_id FROM needed_tombstones
          UNION ALL SELECT request_id FROM restore.recovered_tombstones t WHERE t.epoch = $1 AND ${live}) AS needed) AS "neededRequests",
       (SELECT count(*) FROM needed_entries) AS "neededEntries",
       (SELECT count(*) FROM needed_notes) AS "neededNotes",
       (SELECT count(*) FROM needed_tombstones) AS "neededTombstones"`,
    [epoch, now],
  )
  const counted = rows[0] as Record<keyof EpochCounts, string>
  return Object.fromEntries(
    Object.entries(counted).map(([name, count]) => [name, Number(count)]),
  ) as unknown as EpochCounts
}
