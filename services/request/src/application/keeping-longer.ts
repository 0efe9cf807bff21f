import type { Policy } from '@lethe/domain'
import type { RequestLog } from '@lethe/request-log'
import type { Pool } from 'pg'
import type { DataMaps } from './data-maps.js'

const BATCH = 200

interface LongBackup {
  readonly system_id: string
  readonly taken_at: string
  readonly until: string
}

/**
 * Backups that are kept longer than their policy, as they were reported, against the tombstones of whoever may be in
 * them: those live as long, and backup-clear comes later. Idempotent; harmless in several processes.
 */
export class KeepingLonger {
  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly maps: Pick<DataMaps, 'current'>,
    private readonly policy: Pick<Policy, 'tombstoneMarginMs'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns how many requests were told of it */
  async run(): Promise<number> {
    let told = 0
    for (const { systemId, takenAt, until } of await this.long()) {
      for (let after = ''; ; ) {
        const ids = await this.concerned(systemId, takenAt, until, after)
        if (ids.length > 0) await this.tell(ids, { systemId, takenAt, until })
        told += ids.length
        if (ids.length < BATCH) break
        after = ids.at(-1) ?? ''
      }
    }
    return told
  }

  private async long(): Promise<{ systemId: string; takenAt: number; until: number }[]> {
    const { rows } = await this.pool.query<LongBackup & { policy: string | null }>(
      `SELECT system_id, policy, taken_at, greatest(coalesce(kept_until, 0), $1) AS until
       FROM restore.backups WHERE gone_at IS NULL`,
      [this.now()],
    )
    return rows.flatMap(({ system_id, policy, taken_at, until }) => {
      const kinds = this.maps.current.systems[system_id]?.backups ?? []
      const named = kinds.find(({ name }) => name === policy)
      const keepMs = named?.keepMs ?? Math.max(0, ...kinds.map((kind) => kind.keepMs))
      const one = { systemId: system_id, takenAt: Number(taken_at), until: Number(until) }
      return one.until > one.takenAt + keepMs ? [one] : []
    })
  }

  /** Whose tombstone, or whose date, ends before the backup does, in pages by id. */
  private async concerned(
    systemId: string,
    takenAt: number,
    until: number,
    after: string,
  ): Promise<string[]> {
    const { rows } = await this.pool.query<{ request_id: string }>(
      `SELECT t.request_id FROM read_model.tombstones t JOIN read_model.requests r USING (request_id)
       WHERE t.system_id = $1 AND NOT r.backup_clear AND (r.live_erased_at IS NULL OR r.live_erased_at >= $2)
         AND (t.expires_at < $3 OR r.backup_clear_at < $3) AND t.request_id > $4 ORDER BY t.request_id LIMIT $5`,
      [systemId, takenAt, until, after, BATCH],
    )
    return rows.map((row) => row.request_id)
  }

  private tell(ids: readonly string[], kept: { systemId: string; takenAt: number; until: number }) {
    // One that nobody deleted yet is kept until somebody says so: not told anew at every look.
    const until = Math.max(kept.until, this.now() + this.policy.tombstoneMarginMs)
    return this.log.transact(ids, async (tx) => {
      for (const id of ids) tx.apply(id, { type: 'KeepLonger', ...kept, until }, this.now())
    })
  }
}
