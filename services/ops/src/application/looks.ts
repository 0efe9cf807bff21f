import { type Caller, problem } from '@lethe/service-host'
import { may } from '../domain/permissions.js'
import type { Lag, LagView } from './lag.js'
import type { Dated } from './shared.js'

/** An answer that was read by several callers. */
export interface Aged {
  /** Nothing in the answer was read before this moment, epoch milliseconds. */
  readonly measuredAt: number
  readonly ageMs: number
}

/** What people ask about the machine; every question needs a role. */
export class Looks {
  constructor(private readonly lagOf: Lag) {}

  async lag(caller: Caller, maxAgeMs: number): Promise<Aged & LagView> {
    mayLook(caller)
    return aged(await this.lagOf.read(maxAgeMs))
  }
}

/** @throws ProblemError `forbidden` */
export function mayLook(caller: Caller): void {
  if (!may(caller, 'look')) throw problem('forbidden', "None of your credential's roles may look here.")
}

export function aged<T extends object>({ startedAt, value }: Dated<T>): Aged & T {
  return { measuredAt: startedAt, ageMs: Math.max(0, Date.now() - startedAt), ...value }
}
