import type pg from 'pg'

/** A stretch of a request's way, in milliseconds. */
export interface Hop {
  readonly hop: string
  readonly p50: number
  readonly p99: number
}

/**
 * Where the time of requests went, from the log alone: every event's commit time is known to the server
 * (`track_commit_timestamp`), and grants and acknowledgements say when they were decided and done.
 */
export async function hopsOf(pool: pg.Pool, requestIds: readonly string[]): Promise<Hop[]> {
  const { rows } = await pool.query<Hop>(HOPS, [requestIds])
  return rows.map(({ hop, p50, p99 }) => ({ hop, p50: Number(p50), p99: Number(p99) }))
}

/** The last commit of each request's events of one type, epoch milliseconds. */
export async function lastCommits(
  pool: pg.Pool,
  type: 'PassAcknowledged' | 'RequestLiveErased',
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await pool.query<{ stream_id: string; at: number }>(
    `SELECT stream_id, (extract(epoch FROM max(pg_xact_commit_timestamp(transaction::xid))) * 1000)::float8 AS at
     FROM events.events WHERE type = $1 AND stream_id = ANY ($2::text[]) GROUP BY stream_id`,
    [type, requestIds],
  )
  return new Map(rows.map((row) => [row.stream_id, row.at]))
}

const HOPS = `
  WITH e AS (
    SELECT stream_id, type, split_part(data->>'passId', '/', 1) AS step, data->>'passId' AS pass,
      (data->>'at')::float8 AS decided, (data->>'receivedAt')::float8 AS received,
      (data->>'startedAt')::float8 AS started, (data->>'finishedAt')::float8 AS finished,
      (extract(epoch FROM pg_xact_commit_timestamp(transaction::xid)) * 1000)::float8 AS at
    FROM events.events WHERE stream_id = ANY ($1::text[])
  ), hops AS (
    SELECT 1 AS rank, '' AS step, 'received → accepted (committed)' AS hop, p.at - r.received AS ms
      FROM e r JOIN e p USING (stream_id) WHERE r.type = 'RequestReceived' AND p.type = 'PlanFrozen'
    UNION ALL SELECT 2, r.step, r.step || ': command committed → clearance decided', g.decided - r.at
      FROM e r JOIN e g USING (stream_id, pass) WHERE r.type = 'PassRequested' AND g.type = 'GrantIssued'
    UNION ALL SELECT 3, r.step, r.step || ': clearance decided → committed', r.at - r.decided
      FROM e r WHERE r.type = 'GrantIssued'
    UNION ALL SELECT 4, r.step, r.step || ': clearance committed → erased', a.finished - r.at
      FROM e r JOIN e a USING (stream_id, pass) WHERE r.type = 'GrantIssued' AND a.type = 'PassAcknowledged'
    UNION ALL SELECT 5, r.step, r.step || ': erased → acknowledgement committed', r.at - r.finished
      FROM e r WHERE r.type = 'PassAcknowledged'
  ), ordered AS (
    SELECT step, min(at) AS first FROM e WHERE type = 'PassRequested' GROUP BY step
  )
  SELECT hop, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50,
    percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99
  FROM hops LEFT JOIN ordered USING (step) GROUP BY hop, rank, step, first ORDER BY first NULLS FIRST, rank`
