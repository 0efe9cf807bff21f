import type { Pool } from 'pg'

/**
 * One instance of the restore service at a time works on a system: a second one would take the first one's markers
 * for foreign. The turn is a session's lock, so it ends with the process, the connection or the machine.
 */
export class Turns {
  /** @param pool one connection per system that can be worked on at once, and for nothing else */
  constructor(private readonly pool: Pool) {}

  /**
   * Runs `work` when no other instance works on the system; its signal ends when the turn is lost. With `wait`,
   * waits up to `wait` milliseconds for another instance to finish.
   *
   * @returns whether it was run. Throws what `work` throws, and when Lethe's database does not answer.
   */
  async take(
    systemId: string,
    work: (signal: AbortSignal) => Promise<void>,
    options: { readonly wait?: number } = {},
  ): Promise<boolean> {
    const client = await this.pool.connect()
    const lost = new AbortController()
    const onError = () => lost.abort(new Error('the turn on this system is lost: its connection broke'))
    client.on('error', onError)
    let unlocked = false
    try {
      const deadline = performance.now() + (options.wait ?? 0)
      for (;;) {
        const { rows } = await client.query<{ mine: boolean }>(
          `SELECT pg_try_advisory_lock(hashtextextended('lethe.restore/' || $1, 0)) AS mine`,
          [systemId],
        )
        if (rows[0]?.mine) break
        if (performance.now() >= deadline) {
          unlocked = true
          return false
        }
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      await work(lost.signal)
      return true
    } finally {
      if (!unlocked && !lost.signal.aborted)
        unlocked = await client
          .query(`SELECT pg_advisory_unlock(hashtextextended('lethe.restore/' || $1, 0))`, [systemId])
          .then(
            () => true,
            () => false,
          )
      // Only now: a connection that ends while it unlocks tells so as an event too, and unheard it ends the process.
      client.off('error', onError)
      // A connection that may still hold the lock must not go back.
      client.release(!unlocked)
    }
  }
}
