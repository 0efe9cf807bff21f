import type { Pool } from 'pg'
import type { ReportedBackup } from '../domain/backup.js'

interface Row {
  readonly system_id: string
  readonly backup_id: string
  readonly policy: string | null
  readonly taken_at: string
  readonly kept_until: string | null
  readonly reported_by: string
  readonly reported_at: string
  readonly gone_at: string | null
}
const orNull = (value: string | null): number | null => (value === null ? null : Number(value))

/** What was told of backups. Every write is idempotent. */
export class BackupStore {
  constructor(private readonly pool: Pool) {}

  /** Told again it is replaced; when it was taken never moves, and gone it stays gone. */
  async report(backup: ReportedBackup): Promise<void> {
    const { systemId, backupId, policy, takenAt, keptUntil, reportedBy, reportedAt, goneAt } = backup
    await this.pool.query(
      `INSERT INTO restore.backups AS b (system_id, backup_id, policy, taken_at, kept_until, reported_by, reported_at, gone_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (system_id, backup_id) DO UPDATE SET policy = coalesce(excluded.policy, b.policy),
         kept_until = coalesce(excluded.kept_until, b.kept_until), reported_by = excluded.reported_by,
         reported_at = excluded.reported_at, gone_at = coalesce(b.gone_at, excluded.gone_at)`,
      [systemId, backupId, policy, takenAt, keptUntil, reportedBy, reportedAt, goneAt],
    )
  }

  /** Newest first; those that are gone only with `all`. */
  async list(systemId: string | null, all: boolean, limit: number): Promise<ReportedBackup[]> {
    const { rows } = await this.pool.query<Row>(
      `SELECT * FROM restore.backups WHERE ($1::text IS NULL OR system_id = $1) AND ($2 OR gone_at IS NULL)
       ORDER BY taken_at DESC, system_id, backup_id LIMIT $3`,
      [systemId, all, limit],
    )
    return rows.map((row) => ({
      systemId: row.system_id,
      backupId: row.backup_id,
      policy: row.policy,
      takenAt: Number(row.taken_at),
      keptUntil: orNull(row.kept_until),
      reportedBy: row.reported_by,
      reportedAt: Number(row.reported_at),
      goneAt: orNull(row.gone_at),
    }))
  }
}
