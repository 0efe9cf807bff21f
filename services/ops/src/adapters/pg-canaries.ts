import type { Queryable } from '@lethe/request-log'
import type { Trial } from '../domain/canary.js'

/** Drills of one system that are looked at: those that say nothing are few, or nothing is known. */
const MOST = 5

interface Row {
  readonly system_id: string
  readonly drill_id: string
  readonly stood: boolean
  readonly gave_up_at: string | null
  readonly request_status: string | null
  readonly system: Trial['system']
}

/**
 * What became of the made-up people of the latest restore drills, by the system that was drilled, the latest first. The
 * erasures are read where every erasure is read; of the drills only what tells them apart.
 */
export async function trialsOf(
  db: Queryable,
  systemIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Trial[]>> {
  const { rows } = await db.query<Row>(
    `SELECT drill.system_id, drill.drill_id, request.status AS request_status, seen.detail AS system,
       coalesce(drill.evidence->'durations' ? 'backing_up',
         drill.phase NOT IN ('asked', 'checking', 'planting', 'clearing')) AS stood,
       CASE WHEN drill.reasons @> '[{"code":"erasure_not_done"}]' THEN drill.finished_at END AS gave_up_at
     FROM unnest($1::text[]) AS one (system_id)
     CROSS JOIN LATERAL (SELECT * FROM restore.drills AS any_of
       WHERE any_of.system_id = one.system_id AND any_of.canary->>'requestId' IS NOT NULL
       ORDER BY any_of.started_at DESC LIMIT $2) AS drill
     LEFT JOIN read_model.requests AS request ON request.request_id = drill.canary->>'requestId'
     LEFT JOIN read_model.verifications AS seen
       ON seen.request_id = drill.canary->>'requestId' AND seen.system_id = drill.system_id
     ORDER BY drill.system_id, drill.started_at DESC`,
    [systemIds, MOST],
  )
  const found = new Map<string, Trial[]>()
  for (const row of rows) {
    const trials = found.get(row.system_id) ?? []
    found.set(row.system_id, trials)
    trials.push({
      drillId: row.drill_id,
      stood: row.stood,
      gaveUpAt: row.gave_up_at === null ? null : Number(row.gave_up_at),
      requestStatus: row.request_status,
      system: row.system,
    })
  }
  return found
}
