import type { ClientBase, Pool } from 'pg'
import { type Forgotten, MATCHED } from '../domain/matched-tally.js'
import type { Replayed } from '../domain/restore.js'
import { textArray } from './text-array.js'

/** Batches that are read at once, of a few thousand people each. */
const BATCHES = 16

/** People who could not be erased although they were found: a row each, because they are few. Told again, nothing changes. */
export async function addFailed(
  client: ClientBase,
  restoreId: string,
  failed: readonly Replayed[],
): Promise<void> {
  if (failed.length === 0) return
  await client.query(
    `INSERT INTO restore.replays (restore_id, tombstone_id, request_id, outcome, counts, error_code)
     SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[])
     ON CONFLICT (restore_id, tombstone_id) DO UPDATE
       SET outcome = excluded.outcome, counts = excluded.counts, error_code = excluded.error_code`,
    [
      restoreId,
      textArray(failed.map(({ tombstoneId }) => tombstoneId)),
      textArray(failed.map(({ requestId }) => requestId)),
      failed.map(({ outcome }) => outcome),
      failed.map(({ counts }) => JSON.stringify(counts)),
      failed.map(({ errorCode }) => errorCode),
    ],
  )
}

/** Those of the run under way: where a run starts the ones before are gone. */
export async function forgetFailed(client: ClientBase, restoreId: string): Promise<Forgotten[]> {
  const { rows } = await client.query<Forgotten>(
    `WITH forgotten AS (DELETE FROM restore.replays WHERE restore_id = $1 AND outcome = 'failed'
         RETURNING tombstone_id, coalesce(error_code, 'none') AS code),
       changed AS (SELECT DISTINCT unnest(tombstone_ids) AS tombstone_id FROM restore.replay_pages
         WHERE restore_id = $1 AND run = (SELECT run FROM restore.restores WHERE restore_id = $1) AND starts_with(last, $2))
     SELECT code, count(*)::int AS many, count(changed.tombstone_id)::int AS changed
     FROM forgotten LEFT JOIN changed USING (tombstone_id) GROUP BY code`,
    [restoreId, MATCHED],
  )
  return rows
}

/** Tells of everybody whom this run recorded as changed by their digests, a few batches at a time. */
export async function eachMatched(
  pool: Pool,
  restoreId: string,
  run: number,
  tell: (tombstoneId: string) => void,
): Promise<void> {
  for (let [last, part] = [MATCHED, 0]; ; ) {
    const { rows } = await pool.query<{ last: string; part: number; ids: string[] }>(
      `SELECT last, part, tombstone_ids AS ids FROM restore.replay_pages
       WHERE restore_id = $1 AND run = $2 AND (last, part) > ($3, $4) AND starts_with(last, $5)
       ORDER BY last, part LIMIT ${BATCHES}`,
      [restoreId, run, last, part, MATCHED],
    )
    for (const { ids } of rows) ids.forEach(tell)
    const end = rows.at(-1)
    if (end === undefined || rows.length < BATCHES) return
    ;[last, part] = [end.last, end.part]
  }
}
