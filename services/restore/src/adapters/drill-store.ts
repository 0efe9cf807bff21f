import type { Pool } from 'pg'
import type { Drill, DrillCanary, DrillEvidence, DrillPhase, DrillReason, Verdict } from '../domain/drill.js'
import type { DrillSeal } from '../domain/drill-record.js'

interface Row {
  readonly drill_id: string
  readonly system_id: string
  readonly asked_by: string
  readonly trigger: Drill['trigger']
  readonly started_at: string
  readonly finished_at: string | null
  readonly phase: DrillPhase
  readonly verdict: Verdict | null
  readonly reasons: readonly DrillReason[]
  readonly canary: DrillCanary | null
  readonly stopping: boolean
  readonly evidence: DrillEvidence | null
  readonly prev_hash: string | null
  readonly hash: string | null
  readonly mac: string | null
}

const drillOf = (row: Row): Drill => ({
  drillId: row.drill_id,
  systemId: row.system_id,
  askedBy: row.asked_by,
  trigger: row.trigger,
  startedAt: Number(row.started_at),
  finishedAt: row.finished_at === null ? null : Number(row.finished_at),
  phase: row.phase,
  verdict: row.verdict,
  reasons: row.reasons,
  canary: row.canary,
  stopping: row.stopping,
  evidence: row.evidence,
  prevHash: row.prev_hash,
  hash: row.hash,
  mac: row.mac,
})

export type NewDrill = Pick<Drill, 'drillId' | 'systemId' | 'askedBy' | 'trigger' | 'startedAt'>

/** Drills with their evidence. */
export class DrillStore {
  constructor(private readonly pool: Pool) {}

  /** False when one of that system is under way, or there is one of that id. */
  async begin({ drillId, systemId, askedBy, trigger, startedAt }: NewDrill): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `INSERT INTO restore.drills (drill_id, system_id, asked_by, trigger, started_at)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [drillId, systemId, askedBy, trigger, startedAt],
    )
    return rowCount === 1
  }

  async drill(drillId: string): Promise<Drill | null> {
    const { rows } = await this.pool.query<Row>('SELECT * FROM restore.drills WHERE drill_id = $1', [drillId])
    return rows[0] ? drillOf(rows[0]) : null
  }

  /** Newest first. */
  async list(systemId: string | null, limit: number): Promise<Drill[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM restore.drills WHERE $1::text IS NULL OR system_id = $1
       ORDER BY started_at DESC, drill_id LIMIT $2`,
      [systemId, limit],
    )
    return rows.map(drillOf)
  }

  async underWay(systemId: string): Promise<Drill | null> {
    const { rows } = await this.pool.query<Row>(
      'SELECT * FROM restore.drills WHERE system_id = $1 AND finished_at IS NULL',
      [systemId],
    )
    return rows[0] ? drillOf(rows[0]) : null
  }

  /** Whatever the phase before waited for, this one does not. */
  async toPhase(drillId: string, phase: DrillPhase): Promise<void> {
    await this.pool.query(
      `UPDATE restore.drills SET phase = $2, reasons = '[]' WHERE drill_id = $1 AND finished_at IS NULL`,
      [drillId, phase],
    )
  }

  /** What it waits for; none when it waits for nothing any more. Its end writes down others in their place. */
  async tell(drillId: string, reasons: readonly DrillReason[]): Promise<void> {
    await this.pool.query(
      'UPDATE restore.drills SET reasons = $2 WHERE drill_id = $1 AND finished_at IS NULL',
      [drillId, JSON.stringify(reasons)],
    )
  }

  async rememberCanary(drillId: string, canary: DrillCanary): Promise<void> {
    await this.pool.query('UPDATE restore.drills SET canary = $2 WHERE drill_id = $1', [
      drillId,
      JSON.stringify(canary),
    ])
  }

  /** False when it has ended. */
  async askToStop(drillId: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      'UPDATE restore.drills SET stopping = true WHERE drill_id = $1 AND finished_at IS NULL',
      [drillId],
    )
    return rowCount === 1
  }

  /** Hash of the last drill of that system that ended. */
  async lastHash(systemId: string): Promise<string | null> {
    const { rows } = await this.pool.query<{ hash: string | null }>(
      `SELECT hash FROM restore.drills WHERE system_id = $1 AND finished_at IS NOT NULL
       ORDER BY finished_at DESC, drill_id DESC LIMIT 1`,
      [systemId],
    )
    return rows[0]?.hash ?? null
  }

  /** Once: what was written of a drill that has ended stays. */
  async end(evidence: DrillEvidence, { prevHash, hash, mac }: DrillSeal): Promise<void> {
    const { drillId, finishedAt, verdict, reasons } = evidence
    await this.pool.query(
      `UPDATE restore.drills SET finished_at = $2, phase = 'ended', verdict = $3, passed = $4, reasons = $5, evidence = $6,
         prev_hash = $7, hash = $8, mac = $9 WHERE drill_id = $1 AND finished_at IS NULL`,
      [
        drillId,
        finishedAt,
        verdict,
        verdict === 'passed',
        JSON.stringify(reasons),
        JSON.stringify(evidence),
        prevHash,
        hash,
        mac,
      ],
    )
  }

  /** Those that have ended while nobody could be asked to erase their made-up person. */
  async withCanaryLeft(): Promise<Drill[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM restore.drills
       WHERE finished_at IS NOT NULL AND canary IS NOT NULL AND canary->>'requestId' IS NULL LIMIT 100`,
    )
    return rows.map(drillOf)
  }

  /** When the last one that was passed ended, and how the last one that said anything ended. */
  async outlook(systemId: string): Promise<{ lastPassed: number | null; last: Verdict | null }> {
    const { rows } = await this.pool.query<{ at: string | null; last: Verdict | null }>(
      `SELECT max(finished_at) FILTER (WHERE passed) AS at,
         (SELECT verdict FROM restore.drills WHERE system_id = $1 AND verdict <> 'stopped'
          ORDER BY finished_at DESC, drill_id DESC LIMIT 1) AS last
       FROM restore.drills WHERE system_id = $1`,
      [systemId],
    )
    const at = rows[0]?.at ?? null
    return { lastPassed: at === null ? null : Number(at), last: rows[0]?.last ?? null }
  }
}
