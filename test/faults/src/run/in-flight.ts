import { setTimeout as delay } from 'node:timers/promises'
import { withClient } from '../checker/stores.js'

/** What is going on in Lethe, by plain SQL on its read models; the last answer while the database is away. */
export class InFlight {
  inFlight = 0
  completed = 0
  outbox = 0
  byStatus: Readonly<Record<string, number>> = {}

  constructor(private readonly url: string) {}

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look().catch(() => undefined)
      await delay(400, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Rejects when the database can not be asked. */
  async look(): Promise<void> {
    await withClient(this.url, async (client) => {
      const { rows } = await client.query(
        `SELECT status, count(*)::int AS n FROM read_model.requests GROUP BY status
         UNION ALL SELECT 'outbox', count(*)::int FROM outbox.message`,
      )
      const counts = Object.fromEntries(rows.map(({ status, n }) => [status, n])) as Record<string, number>
      this.outbox = counts['outbox'] ?? 0
      delete counts['outbox']
      this.byStatus = counts
      this.completed = counts['COMPLETED'] ?? 0
      this.inFlight = MOVING.reduce((sum, status) => sum + (counts[status] ?? 0), 0)
    })
  }
}

/** A request that goes on by itself; SCHEDULED ones wait for the end of their grace period. */
export const MOVING = ['PENDING', 'IN_PROGRESS', 'AWAITING_VERIFICATION'] as const
