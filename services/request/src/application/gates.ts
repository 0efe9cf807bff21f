import type { PoolClient } from 'pg'

/** What an eraser found in its store just before it asked. */
export interface FoundMarker {
  readonly value: string | null
  readonly receipts: number
}

/** Whether grants may be issued for a system. */
export type GateAnswer = 'open' | 'shut'

interface Row {
  readonly shut: boolean | null
  readonly watched: boolean
  readonly previous: string | null
  readonly current: string | null
  readonly pending: string | null
  readonly receipts: string | null
}

/**
 * Asks under a lock that whoever shuts the gate takes alone: every grant of a gate's time is either committed
 * before it shuts, and then its tombstone is among those replayed, or it is refused. Two statements, because
 * the second must see what was committed while the first one waited. A marker that Lethe did not write shuts
 * nothing by itself: it is noted for the restore service, and until that has looked nothing is granted.
 */
export async function gateOf(
  client: PoolClient,
  systemId: string,
  marker: FoundMarker | undefined,
  now: number,
): Promise<GateAnswer> {
  const [, { rows }] = await Promise.all([
    client.query({
      name: 'gate-lock',
      text: `SELECT pg_advisory_xact_lock_shared(hashtextextended('lethe.gate/' || $1, 0))`,
      values: [systemId],
    }),
    client.query<Row>({
      name: 'gate-of',
      text: `SELECT g.state = 'shut' OR s.system_id IS NOT NULL AS shut, m.system_id IS NOT NULL AS watched,
               m.previous, m.current, m.pending, m.receipts
             FROM (SELECT $1::text AS system_id) AS asked
             LEFT JOIN restore.gates g USING (system_id) LEFT JOIN restore.markers m USING (system_id)
             LEFT JOIN restore.suspicions s USING (system_id)`,
      values: [systemId],
    }),
  ])
  const row = rows[0]
  if (row === undefined || row.shut === true) return 'shut'
  if (!row.watched || marker === undefined || isOurs(marker, row)) return 'open'
  await client.query(
    'INSERT INTO restore.suspicions (system_id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [systemId, now],
  )
  return 'shut'
}

/**
 * A copy older than the last look shows another value, or fewer receipts than were seen then. The value before
 * the last is one an eraser may have read just before it was replaced.
 */
function isOurs({ value, receipts }: FoundMarker, row: Row): boolean {
  const known = [row.previous, row.current, row.pending].filter((one) => one !== null)
  return (
    (value === null ? row.current === null : known.includes(value)) && receipts >= Number(row.receipts ?? 0)
  )
}
