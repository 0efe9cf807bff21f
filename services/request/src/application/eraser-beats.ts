import { problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Caller } from '../domain/permissions.js'

/** What one process of an eraser or a probe says of itself. Names nobody. */
export interface Beat {
  readonly role: 'erase' | 'probe'
  readonly instance: string
  readonly version: string
  readonly startedAt: number
  readonly store: string | null
  readonly windowMs: number
  readonly done: number
  readonly failed: number
  readonly pacing: object | null
}

/** After so long a process that said nothing more is not remembered, milliseconds. */
const FORGOTTEN_MS = 86_400_000

/** The last word of every eraser and probe, for whoever watches the machine. */
export class EraserBeats {
  constructor(
    private readonly pool: Pick<Pool, 'query'>,
    private readonly now: () => number = Date.now,
  ) {}

  /** A credential speaks for its own system and role only. @throws ProblemError `forbidden` */
  async told(caller: Caller, beat: Beat): Promise<void> {
    const role = beat.role === 'erase' ? 'eraser' : 'probe'
    const { systemId } = caller
    if (systemId === null || !caller.roles.includes(role))
      throw problem('forbidden', `Only a credential of one system with the role ${role} speaks for it.`)
    const at = this.now()
    await this.pool.query({
      name: 'beat',
      text: `WITH gone AS (DELETE FROM machine.beats WHERE system_id = $1 AND at < $12)
        INSERT INTO machine.beats (system_id, role, instance, at, started_at, version, store, window_ms, done, failed, pacing)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (system_id, role, instance) DO UPDATE SET at = excluded.at, started_at = excluded.started_at,
          version = excluded.version, store = excluded.store, window_ms = excluded.window_ms, done = excluded.done,
          failed = excluded.failed, pacing = excluded.pacing`,
      values: [
        systemId,
        beat.role,
        beat.instance,
        at,
        beat.startedAt,
        beat.version,
        beat.store,
        beat.windowMs,
        beat.done,
        beat.failed,
        beat.pacing === null ? null : JSON.stringify(beat.pacing),
        at - FORGOTTEN_MS,
      ],
    })
  }
}
