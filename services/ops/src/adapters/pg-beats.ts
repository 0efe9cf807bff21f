import type { Queryable } from '@lethe/request-log'

/** What one process of an eraser or a probe last said of itself. Times are epoch milliseconds. */
export interface Beat {
  readonly systemId: string
  readonly role: 'erase' | 'probe'
  readonly at: number
  readonly startedAt: number
  readonly version: string
  /** `ok`, the code of what keeps it from its store, or null before it looked. */
  readonly store: string | null
  readonly windowMs: number
  readonly done: number
  readonly failed: number
  /** Passes per call now and at most, and how many a second are let through; null: nothing is held back. */
  readonly pacing: {
    readonly size: number
    readonly max: number
    readonly perSecond: number | null
    readonly waitsMs: number
  } | null
}

const MOST = 2_000

/** The last word of every process that said anything within a day, the latest first. */
export async function beats(db: Queryable): Promise<readonly Beat[]> {
  const { rows } = await db.query<Record<string, unknown>>(
    'SELECT * FROM machine.beats ORDER BY at DESC LIMIT $1',
    [MOST],
  )
  return rows.map((row) => ({
    systemId: String(row['system_id']),
    role: row['role'] === 'probe' ? 'probe' : 'erase',
    at: Number(row['at']),
    startedAt: Number(row['started_at']),
    version: String(row['version']),
    store: row['store'] === null ? null : String(row['store']),
    windowMs: Number(row['window_ms']),
    done: Number(row['done']),
    failed: Number(row['failed']),
    pacing: row['pacing'] as Beat['pacing'],
  }))
}
