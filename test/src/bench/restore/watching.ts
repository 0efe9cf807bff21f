import { setTimeout as delay } from 'node:timers/promises'
import { withClient } from '@lethe/infra'
import type { Pool } from 'pg'
import { SYSTEM } from './request-stand-in.js'
import type { BenchShop, Restored } from './shop.js'

const LOOK_MS = 20

const interrupt = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(name, () => interrupt.abort(new Error(`interrupted by ${name}`)))

/** Asks until there is an answer; gives up after `withinMs`. */
export async function until<T>(what: string, withinMs: number, ask: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    interrupt.signal.throwIfAborted()
    const answer = await ask()
    if (answer !== null) return answer
    if (Date.now() > end) throw new Error(`${what}: not within ${withinMs / 1_000} s`)
    await delay(LOOK_MS)
  }
}

/** The store has a marker of Lethe's other than `before`, so Lethe knows it by that. */
export const marked = (shop: BenchShop, before: string | null = null): Promise<true> =>
  until('Lethe marks the store', 60_000, async () => {
    const now = await markerOf(shop.url)
    return now !== null && now !== before ? true : null
  })

/** Two looks after the backup. */
export async function movedOn(shop: BenchShop): Promise<void> {
  await marked(shop, await markerOf(shop.backupUrl))
  await marked(shop, await markerOf(shop.url))
}

const markerOf = (url: string): Promise<string | null> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ value: string | null }>('SELECT value FROM lethe.marker')
    return rows[0]?.value ?? null
  })

/** One restore from its notice to the open gate. */
export interface Course {
  /** Seconds from the moment the copy could be reached until nobody else could. */
  readonly detection: number
  readonly replay: number
  readonly probe: number
  readonly replayed: number
}

/** A copy may be noticed before its CHECKPOINT has ended. Ends when its gate is open. */
export async function course(pool: Pool, { begun, inReach }: Restored): Promise<Course> {
  const phases = new Map<string, number>()
  const row = await until('the restore opens', 3_600_000, async () => {
    const { rows } = await pool.query<Record<string, string>>(
      'SELECT phase, shut_at, replayed, waiting::text AS waiting FROM restore.restores WHERE announced_at >= $1 AND system_id = $2',
      [begun, SYSTEM],
    )
    const [one] = rows
    if (!one) return null
    const phase = one.phase ?? ''
    if (!phases.has(phase)) phases.set(phase, performance.now())
    if (phase === 'waiting') throw new Error(`the restore waits for a person: ${one.waiting}`)
    return phase === 'opened' ? one : null
  })
  const at = (phase: string): number => phases.get(phase) ?? Number.NaN
  return {
    detection: (Number(row.shut_at) - inReach) / 1_000,
    replay: (at('probing') - at('replaying')) / 1_000,
    probe: (at('opened') - at('probing')) / 1_000,
    replayed: Number(row.replayed),
  }
}
