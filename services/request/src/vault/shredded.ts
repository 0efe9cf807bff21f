import type { RequestLog } from '@lethe/request-log'
import type { Pool } from 'pg'

const batchSize = 200

/**
 * Requests whose backups have all expired and whose every key is destroyed become backup-clear, and what
 * is left of them here goes: bytes nobody can open, and digests. An epoch the vault does not know counts
 * as not destroyed.
 */
export class Shredded {
  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly now: () => number = Date.now,
  ) {}

  /** @returns how many became backup-clear */
  async confirm(): Promise<number> {
    let clear = 0
    for (let after: string | null = ''; after !== null; ) {
      const ids: string[] = await this.candidates(after)
      if (ids.length === 0) break
      clear += await this.confirmThese(ids)
      after = ids.length < batchSize ? null : (ids.at(-1) as string)
    }
    return clear
  }

  private async candidates(after: string): Promise<string[]> {
    const { rows } = await this.pool.query<{ request_id: string }>(
      `SELECT request_id FROM read_model.requests r
       WHERE NOT backup_clear AND completed_at IS NOT NULL AND backup_clear_at <= $1 AND request_id > $2
         AND NOT EXISTS (
           SELECT FROM vault.sealings s LEFT JOIN vault.epochs e USING (epoch)
           WHERE s.request_id = r.request_id AND e.destroyed_at IS NULL)
       ORDER BY request_id LIMIT $3`,
      [this.now(), after, batchSize],
    )
    return rows.map((row) => row.request_id)
  }

  private confirmThese(ids: readonly string[]): Promise<number> {
    return this.log.transact(ids, async (tx) => {
      const clear = ids.filter((id) => {
        const decision = tx.apply(id, { type: 'ConfirmShredded' }, this.now())
        return decision.ok && decision.events.length > 0
      })
      for (const table of ['vault.entries', 'vault.notes', 'vault.digests', 'vault.sealings'])
        await tx.client.query(`DELETE FROM ${table} WHERE request_id = ANY($1::text[])`, [clear])
      return clear.length
    })
  }
}
