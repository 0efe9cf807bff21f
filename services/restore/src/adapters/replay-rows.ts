import type { ClientBase, Pool } from 'pg'
import { kindsOf, type ReplayedKind } from '../domain/replayed-kinds.js'
import type { Replayed } from '../domain/restore.js'
import { textArray } from './text-array.js'

/** What the page that ends with `last` did, in the transaction that counts it: it is told once. */
export async function addPage(
  client: ClientBase,
  restoreId: string,
  last: string,
  kinds: readonly ReplayedKind[],
): Promise<void> {
  if (kinds.length === 0) return
  await client.query(
    `INSERT INTO restore.replay_pages
       (restore_id, run, last, part, outcome, counts, error_code, tombstone_ids, request_ids)
     SELECT $1, (SELECT run FROM restore.restores WHERE restore_id = $1), $7, k.part, k.outcome, k.counts, k.error_code,
       ($2::text[])[k.upto - k.many + 1 : k.upto], ($3::text[])[k.upto - k.many + 1 : k.upto]
     FROM (SELECT *, sum(many) OVER (ORDER BY part)::int AS upto
       FROM unnest($4::text[], $5::jsonb[], $6::text[], $8::int[]) WITH ORDINALITY
         AS kinds(outcome, counts, error_code, many, part)) AS k
     ON CONFLICT DO NOTHING`,
    [restoreId, ...parametersOf(kinds), last, kinds.map(({ tombstoneIds }) => tombstoneIds.length)],
  )
}

/** People whom a sweep found, a row each. Told again, whoever was erased stays so. */
export async function addEach(
  client: ClientBase,
  restoreId: string,
  replayed: readonly Replayed[],
): Promise<void> {
  if (replayed.length === 0) return
  const kinds = kindsOf(replayed)
  const kindOf = kinds.flatMap(({ tombstoneIds }, at) => tombstoneIds.map(() => at + 1))
  await client.query(
    `WITH kinds AS (SELECT * FROM unnest($4::text[], $5::jsonb[], $6::text[]) WITH ORDINALITY
         AS kinds(outcome, counts, error_code, n))
     INSERT INTO restore.replays AS r (restore_id, tombstone_id, request_id, outcome, counts, error_code)
       SELECT $1, one.tombstone_id, one.request_id, kinds.outcome, kinds.counts, kinds.error_code
       FROM unnest($2::text[], $3::text[], $7::int[]) AS one(tombstone_id, request_id, kind)
       JOIN kinds ON kinds.n = one.kind
     ON CONFLICT (restore_id, tombstone_id) DO UPDATE
       SET outcome = excluded.outcome, counts = excluded.counts, error_code = excluded.error_code
       WHERE r.outcome = 'failed'`,
    [restoreId, ...parametersOf(kinds), `{${kindOf.join(',')}}`],
  )
}

/** How many people any run of a restore changed, but for those who failed in its last one. */
export async function everReplayed(pool: Pool, restoreId: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    `WITH failed AS (SELECT tombstone_id FROM restore.replays WHERE restore_id = $1 AND outcome = 'failed'
         UNION ALL SELECT unnest(tombstone_ids) FROM restore.replay_pages WHERE restore_id = $1 AND outcome = 'failed'
           AND run = (SELECT run FROM restore.restores WHERE restore_id = $1))
     SELECT count(*)::int AS n FROM (
       SELECT unnest(tombstone_ids) AS tombstone_id FROM restore.replay_pages WHERE restore_id = $1 AND outcome <> 'failed'
       UNION SELECT tombstone_id FROM restore.replays WHERE restore_id = $1 AND outcome <> 'failed') AS people
     WHERE NOT EXISTS (SELECT FROM failed WHERE failed.tombstone_id = people.tombstone_id)`,
    [restoreId],
  )
  return rows[0]?.n ?? 0
}

/** From $2: tombstones and requests of everybody, kind after kind; then of each kind its outcome, counts and code. */
function parametersOf(kinds: readonly ReplayedKind[]): unknown[] {
  return [
    textArray(joined(kinds.map(({ tombstoneIds }) => tombstoneIds))),
    textArray(joined(kinds.map(({ requestIds }) => requestIds))),
    kinds.map(({ outcome }) => outcome),
    kinds.map(({ counts }) => JSON.stringify(counts)),
    kinds.map(({ errorCode }) => errorCode),
  ]
}

/** Nearly always there is one list, which is taken as it is. */
const joined = (lists: readonly (readonly string[])[]): readonly string[] =>
  lists.length === 1 ? (lists[0] as readonly string[]) : lists.flat()
