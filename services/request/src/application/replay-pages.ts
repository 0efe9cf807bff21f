import type { Pool, PoolClient } from 'pg'

/** How long the people of one page may be erased after it was read, milliseconds. A hold waits for at most that. */
export const PAGE_LIFE_MS = 60_000

const LOCK = `hashtextextended('lethe.replay-pages', 0)`

/**
 * Until when a replay may still erase somebody it read of before `now`; undefined while no gate is shut
 * and no sweep erases, because then nobody replays. The lock is kept to the end of the hold's transaction: a page that
 * is read afterwards knows of the hold, and one that was read before ends within `PAGE_LIFE_MS`. Epoch milliseconds.
 */
export async function replayingUntil(client: PoolClient, now: () => number): Promise<number | undefined> {
  await client.query(`SELECT pg_advisory_xact_lock_shared(${LOCK})`)
  const { rows } = await client.query<{ any: boolean }>(
    `SELECT EXISTS (SELECT FROM restore.gates WHERE state = 'shut' OR reason = 'sweep') AS any`,
  )
  return rows[0]?.any ? now() + PAGE_LIFE_MS : undefined
}

/**
 * Waits for the holds that are being placed, so that what is read from now on shows them.
 *
 * @returns epoch milliseconds up to which what is read may be erased
 */
export async function beginPage(pool: Pool, now: () => number): Promise<number> {
  await pool.query(`SELECT pg_advisory_xact_lock(${LOCK})`)
  return now() + PAGE_LIFE_MS
}
