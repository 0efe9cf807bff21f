import { expect } from 'vitest'
import type { Restore } from '../domain/restore.js'
import type { Life } from './mortal.js'
import { type RestoreProcess, round } from './process.js'

export interface Killed {
  /** With a life, it dies behind that many steps. */
  readonly process: (life?: Life) => RestoreProcess
  /** The backup, into the store in use, without the hook. */
  readonly restore: () => Promise<void>
  readonly latest: () => Promise<Restore | undefined>
  /** Whom the application sees of the erased; null where it is refused. */
  readonly seen: () => Promise<readonly string[] | null>
  /** Everybody else, byte for byte. */
  readonly others: () => Promise<unknown>
  readonly erased: number
}

/**
 * The same restore again and again, each time by a process that dies one step later and another one that goes on, until one
 * lives to the end. Nobody is let in before the erased are gone, and counts are those of one that never died.
 *
 * @returns how many steps it takes
 */
export async function killedAtEveryStep(of: Killed): Promise<number> {
  const before = await of.others()
  for (let steps = 1; ; steps++) {
    await of.restore()
    const life = { left: steps }
    const dying = of.process(life)
    await round(dying).catch(() => undefined)
    const isShut = (await of.latest())?.shutAt != null
    const inside = await of.seen()
    // Whoever gets in once it was shut meets nobody.
    expect({ steps, inside: isShut ? (inside ?? []) : [] }).toEqual({ steps, inside: [] })
    const next = of.process()
    await expect
      .poll(() => round(next).then(of.latest), { timeout: 60_000, interval: 10 })
      .toMatchObject({
        phase: 'opened',
        tombstones: of.erased,
        replayed: of.erased,
        alreadyAbsent: 0,
        residual: {},
        failed: {},
      })
    expect({ steps, inside: await of.seen() }).toEqual({ steps, inside: [] })
    expect({ steps, others: await of.others() }).toEqual({ steps, others: before })
    await next.guard.stop()
    if (life.left > 0) return steps
  }
}
