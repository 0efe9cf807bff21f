import { type Caller, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import { type Beat, beats } from '../adapters/pg-beats.js'
import { trialsOf } from '../adapters/pg-canaries.js'
import { type Gate, gates } from '../adapters/pg-reads.js'
import { canaryOf, type Trial } from '../domain/canary.js'
import { type Deployment, deploymentOf, type Sources } from '../domain/deployment.js'
import { may, scopeOf } from '../domain/permissions.js'
import type { DeadLetters, DeadLettersView } from './dead-letters.js'
import type { GroupView, Lag } from './lag.js'
import { type LagWithLetters, withLetters } from './lag-letters.js'
import { isEraser, type Overview, type OverviewView } from './overview.js'
import type { Risk, RiskView } from './risk.js'
import type { Dated } from './shared.js'

/** An answer that several callers may share. */
export interface Aged {
  /** Nothing in the answer was read before this moment, epoch milliseconds. */
  readonly measuredAt: number
  readonly ageMs: number
}

/** One deployment of one system's eraser. */
export interface EraserView extends Omit<GroupView, 'unknown'>, Deployment {
  readonly systemId: string
  readonly role: 'erase' | 'probe'
  readonly links: { readonly requests: string }
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
    healths: readonly string[] | undefined,
  ): Promise<Aged & { items: EraserView[] }> {
    mayLook(caller)
    const { pool, lag } = this.parts
    const { startedAt, value } = await lag.read(maxAgeMs)
    const [told, trials] = await Promise.all([
      // Kafka's own word is shown all the same.
      beats(pool).catch(() => null),
      trialsOf(pool, lag.systems).catch(() => null),
    ])
    const items = value.groups
      .filter(isEraser)
      .filter(({ health }) => healths === undefined || healths.includes(health))
      .map((view) => eraserView(view, told, trials))
    return aged({ startedAt, value: { items } })
  }

  async gates(caller: Caller, state: Gate['state'] | undefined): Promise<{ items: Gate[] }> {
    mayLook(caller)
    const all = await gates(this.parts.pool, this.parts.lag.systems)
    return { items: all.filter((gate) => state === undefined || gate.state === state) }
  }

  async deadLetters(
    caller: Caller,
    maxAgeMs: number,
    where: { group?: string | undefined; topic?: string | undefined; code?: string | undefined },
  ): Promise<Aged & DeadLettersView> {
    mayLook(caller)
    const { startedAt, value } = await this.parts.deadLetters.read(maxAgeMs)
    const fits = (letter: { group: string; topic: string; code: string }): boolean =>
      (where.group ?? letter.group) === letter.group &&
      (where.topic ?? letter.topic) === letter.topic &&
      (where.code ?? letter.code) === letter.code
    return aged({ startedAt, value: { ...value, items: value.items?.filter(fits) ?? null } })
  }
}

function eraserView(
  view: GroupView,
  told: readonly Beat[] | null,
  trials: ReadonlyMap<string, readonly Trial[]> | null,
): EraserView {
  const [kind, ...rest] = view.group.split('.')
  const systemId = rest.join('.')
  const role = kind === 'probe' ? 'probe' : 'erase'
  const own = told?.filter((one) => one.systemId === systemId && one.role === role) ?? null
  const canary = role === 'probe' ? 'none_of_probes' : canaryIn(trials, systemId)
  const deployment = deploymentOf({ own, health: view.health, canary }, Date.now())
  return {
    ...view,
    ...deployment,
    unknown: { ...view.unknown, ...deployment.unknown },
    systemId,
    role,
    links: { requests: `/v1/requests?systemId=${systemId}&order=due` },
  }
}

function canaryIn(trials: ReadonlyMap<string, readonly Trial[]> | null, systemId: string): Sources['canary'] {
  if (trials === null) return 'drills_unreadable'
  return canaryOf(trials.get(systemId) ?? []) ?? 'no_canary_yet'
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
