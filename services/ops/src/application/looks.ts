import { type Caller, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import { type Gate, gates } from '../adapters/pg-reads.js'
import { may, scopeOf } from '../domain/permissions.js'
import type { DeadLetters, DeadLettersView, DeadLetterView } from './dead-letters.js'
import { type EraserView, eraserViews } from './eraser-views.js'
import type { Lag } from './lag.js'
import { type LagWithLetters, withLetters } from './lag-letters.js'
import type { Overview, OverviewView } from './overview.js'
import type { Risk, RiskView } from './risk.js'
import type { Dated } from './shared.js'

/** An answer that several callers may share. */
export interface Aged {
  /** Nothing in the answer was read before this moment, epoch milliseconds. */
  readonly measuredAt: number
  readonly ageMs: number
}

/** Dead letters are read whole. */
const LETTERS_MAX_AGE_MS = 10_000

/** What people ask about the machine; every question needs a role. */
export class Looks {
  constructor(
    private readonly parts: {
      readonly pool: Pool
      readonly lag: Lag
      readonly risk: Risk
      readonly overview: Overview
      readonly deadLetters: DeadLetters
    },
  ) {}

  async lag(caller: Caller, maxAgeMs: number): Promise<Aged & LagWithLetters> {
    mayLook(caller)
    const [{ startedAt, value }, letters] = await Promise.all([
      this.parts.lag.read(maxAgeMs),
      this.parts.deadLetters.read(LETTERS_MAX_AGE_MS),
    ])
    return aged({ startedAt, value: withLetters(value, letters.value) })
  }

  /** Of the caller's own tenants. */
  async atRisk(caller: Caller, maxAgeMs: number): Promise<Aged & RiskView> {
    mayLook(caller)
    return aged(await this.parts.risk.read(scopeOf(caller), maxAgeMs))
  }

  /** Requests of the caller's own tenants. */
  async overview(caller: Caller, maxAgeMs: number): Promise<Aged & OverviewView> {
    mayLook(caller)
    return aged(await this.parts.overview.read(scopeOf(caller), maxAgeMs))
  }

  async erasers(
    caller: Caller,
    maxAgeMs: number,
    where: { health?: readonly string[] | undefined; verdict?: readonly string[] | undefined },
  ): Promise<Aged & { items: EraserView[] }> {
    mayLook(caller)
    const { pool, lag } = this.parts
    const { startedAt, value } = await lag.read(maxAgeMs)
    const all = await eraserViews(pool, value, lag.systems)
    const items = all.filter(
      ({ health, verdict }) =>
        (where.health?.includes(health) ?? true) && (where.verdict?.includes(verdict) ?? true),
    )
    return aged({ startedAt, value: { items } })
  }

  async gates(
    caller: Caller,
    where: { state?: Gate['state'] | undefined; standing?: readonly string[] | undefined },
  ): Promise<{ items: Gate[] }> {
    mayLook(caller)
    const all = await gates(this.parts.pool, this.parts.lag.systems)
    const items = all.filter(
      ({ state, standing }) =>
        (where.state ?? state) === state && (where.standing?.includes(standing) ?? true),
    )
    return { items }
  }

  async deadLetters(
    caller: Caller,
    maxAgeMs: number,
    where: {
      group?: string | undefined
      topic?: string | undefined
      code?: string | undefined
      quarantined?: boolean | undefined
    },
  ): Promise<Aged & DeadLettersView> {
    mayLook(caller)
    const { startedAt, value } = await this.parts.deadLetters.read(maxAgeMs)
    const fits = (letter: DeadLetterView): boolean =>
      (where.group ?? letter.group) === letter.group &&
      (where.topic ?? letter.topic) === letter.topic &&
      (where.code ?? letter.code) === letter.code &&
      (where.quarantined ?? letter.quarantined) === letter.quarantined
    return aged({ startedAt, value: { ...value, items: value.items?.filter(fits) ?? null } })
  }
}

/** @throws ProblemError `forbidden` */
export function mayLook(caller: Caller): void {
  if (!may(caller, 'look')) throw problem('forbidden', "None of your credential's roles may look here.")
}

/** @throws ProblemError `forbidden` */
export function mayRead(caller: Caller): void {
  if (!may(caller, 'read'))
    throw problem('forbidden', "None of your credential's roles may read requests here.")
}

export function aged<T extends object>({ startedAt, value }: Dated<T>): Aged & T {
  return { measuredAt: startedAt, ageMs: Math.max(0, Date.now() - startedAt), ...value }
}
