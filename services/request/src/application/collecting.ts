import type { RequestLog } from '@lethe/request-log'
import type { Pool } from 'pg'

const BATCH = 200

/**
 * Takes away tombstones that outlived their request's backup-clear and have expired since; the others go with it.
 * Whether one may go is decided in the log and looked at once more by the database. Harmless in several processes.
 */
export class Collecting {
  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns how many tombstones went */
  async run(): Promise<number> {
    let gone = 0
    for (let after = ''; ; ) {
      const { rows } = await this.pool.query<{ request_id: string; systems: string[] }>(
        `SELECT t.request_id, array_agg(t.system_id) AS systems
         FROM read_model.tombstones t JOIN read_model.requests r USING (request_id)
         WHERE t.expires_at <= $1 AND t.recur_every IS NULL AND coalesce(t.held_until, 0) <= $1 AND r.backup_clear
           AND t.request_id > $2 GROUP BY t.request_id ORDER BY t.request_id LIMIT $3`,
        [this.now(), after, BATCH],
      )
      if (rows.length > 0) gone += await this.collect(rows)
      if (rows.length < BATCH) return gone
      after = rows.at(-1)?.request_id ?? ''
    }
  }

  private collect(rows: readonly { request_id: string; systems: string[] }[]): Promise<number> {
    return this.log.transact(
      rows.map((row) => row.request_id),
      async (tx) => {
        let gone = 0
        for (const { request_id, systems } of rows) {
          const decision = tx.apply(request_id, { type: 'Collect', systemIds: systems }, this.now())
          if (decision.ok) gone += decision.events.filter(({ type }) => type === 'TombstoneCollected').length
        }
        return gone
      },
    )
  }
}
