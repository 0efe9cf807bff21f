import { fork } from 'node:child_process'
import { availableParallelism, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { goesFirst } from './goes-first.js'
import type { Knocks } from './knocks.js'
import type { WayIn } from './ways-in.js'

export type { Knocks } from './knocks.js'

export interface Hammer {
  /** Resolves when the first attempt has ended: from then on it knocks. */
  knocking(): Promise<unknown>
  /** Resolves when somebody was let in. */
  inside(): Promise<unknown>
  /** Resolves when somebody of the erased was seen. */
  sighting(): Promise<unknown>
  /** Idempotent. */
  stop(): Promise<Knocks>
}

/** How often clients knock at least while a gate is shut, a second: what a hooked restore is promised to withstand. */
const PROMISED = 200
/**
 * Each login costs a PostgreSQL a process of its own, up to 4 ms of a core: so many a second it gets also where all
 * other specs run beside it. What is promised is asked of it in a proof that has the machine to itself.
 */
export const PROMISED_OF_LOGINS = process.env.LETHE_PROOF_SIZE ? PROMISED : 20

/** Knocks in a process of its own, hundreds of times a second, whether or not anybody listens there. */
export function startHammer(way: WayIn): Hammer {
  const knocker = fork(fileURLToPath(new URL('./knocker.ts', import.meta.url)), {
    execArgv: [],
    serialization: 'advanced',
  })
  goesFirst(knocker.pid)
  knocker.send(way)
  const heard = <T>(ends: (message: unknown) => message is T) => {
    const promise = new Promise<T>((resolve, reject) => {
      knocker.on('message', (message: unknown) => ends(message) && resolve(message))
      knocker.once('error', reject)
      knocker.once('exit', (code) => reject(new Error(`the hammer ended with ${code}`)))
    })
    promise.catch(() => undefined)
    return promise
  }
  const said = (word: string) => heard((message): message is string => message === word)
  const seen = heard((message): message is Knocks => typeof message === 'object')
  const [knocking, inside, sighting] = [said('knocking'), said('inside'), said('sighting')]
  let stopped: Promise<Knocks> | undefined
  const stop = () => {
    knocker.send('stop')
    return seen
  }
  return {
    knocking: () => knocking,
    inside: () => inside,
    sighting: () => sighting,
    stop: () => {
      stopped ??= stop()
      return stopped
    },
  }
}

/** Logs in to a PostgreSQL. `who` are ids of users who must not be seen. */
export function startLogins(at: {
  readonly port: number
  readonly roles: readonly string[]
  readonly database: string
  readonly who: readonly string[]
}): Hammer {
  const { who, ...server } = at
  const ids = who.map((id) => `'${id}'`).join(', ')
  return startHammer({
    by: 'login',
    ...server,
    query: `SELECT count(*) FROM users WHERE id IN (${ids})`,
  })
}

/** Processes that wait for each core, from which on how often clients get to knock says nothing of a gate. */
const OVERLOADED = 6
const overloaded = () => (loadavg()[0] ?? 0) > OVERLOADED * availableParallelism()

/**
 * A gate is proven shut only to those who knock: as often as promised while the server was there, and before. Of a
 * machine that has many times the work it can do the rate is only told.
 *
 * @param away whether there was a time when nobody listened
 * @param perSecond how often at least
 */
export function expectHard(
  knocks: Knocks,
  { away, perSecond = PROMISED }: { readonly away: boolean; readonly perSecond?: number },
): void {
  say(knocks)
  if (away) expect(knocks.away.attempts).toBeGreaterThan(0)
  expect(knocks.shut.attempts).toBeGreaterThan(0)
  // Most of them waited to be told.
  expect(knocks.unanswered).toBeLessThan(knocks.shut.attempts / 2)
  if (overloaded()) return
  expect(knocks.shut.perSecond).toBeGreaterThanOrEqual(perSecond)
  // Of less than a second one pause of the machine decides the rate.
  if (knocks.away.attempts >= PROMISED) expect(knocks.away.perSecond).toBeGreaterThanOrEqual(PROMISED)
}

function say({ shut, away, unanswered, inside, longestPauseMs }: Knocks): void {
  if (!process.env.LETHE_PROOF_SIZE) return
  const rate = (what: string, { attempts, perSecond }: Knocks['shut']) =>
    `${attempts} ${what} (${perSecond} a second)`
  const rates = `${rate('while it was away', away)}, ${rate('while it was shut', shut)}`
  process.stderr.write(
    `${expect.getState().currentTestName}: ${rates}, ${unanswered} unanswered, ${inside} let in, longest pause ${longestPauseMs} ms\n`,
  )
}
