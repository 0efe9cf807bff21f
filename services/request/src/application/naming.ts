import { Pace, tooOften } from '@lethe/service-host'
import type { Caller } from '../domain/permissions.js'

/** Bounds how often people are named with one credential: each time it is a question about somebody. */
export class Naming {
  private readonly pace: Pace

  constructor(
    private readonly perMinute: number,
    now: () => number = Date.now,
  ) {
    this.pace = new Pace({ most: perMinute }, now)
  }

  /** @throws ProblemError `too_many_attempts` with the seconds to wait as `retryAfter` */
  assertAllowed({ id }: Caller): void {
    const waitMs = this.pace.waitMs(id)
    if (waitMs > 0)
      throw tooOften(`No more than ${this.perMinute} people a minute may be asked about.`, waitMs)
    this.pace.took(id)
  }
}
