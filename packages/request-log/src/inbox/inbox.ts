import type { Queryable } from '../projections/projection.js'

/**
 * Marks messages as processed by this consumer in the open transaction and returns those that were
 * not processed before. A message that is twice in the list comes back once.
 */
export async function takeFresh(
  client: Queryable,
  consumer: string,
  messageIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (messageIds.length === 0) return new Set()
  const { rows } = await client.query<{ message_id: string }>(
    `INSERT INTO inbox.processed (consumer, message_id)
     SELECT $1, id FROM (SELECT DISTINCT id FROM unnest($2::text[]) AS id ORDER BY id) AS given
     ON CONFLICT DO NOTHING RETURNING message_id`,
    [consumer, messageIds],
  )
  return new Set(rows.map((row) => row.message_id))
}

/** Forgets messages processed longer ago than their topic keeps them. @returns how many */
export async function pruneProcessed(client: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM inbox.processed WHERE (consumer, message_id) IN (
       SELECT consumer, message_id FROM inbox.processed
       WHERE processed_at < now() - make_interval(secs => $1) LIMIT $2)`,
    [olderThanMs / 1_000, limit],
  )
  return rowCount ?? 0
}
