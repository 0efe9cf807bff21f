import { tooOften } from '@lethe/service-host'

interface Failures {
  count: number
  /** Epoch milliseconds of the first. */
  since: number
}

/** Bounds guessing: after `most` failures within `windowMs` an address waits until the window is over. */
export class Attempts {
  private readonly failures = new Map<string, Failures>()

  constructor(
    private readonly options = { most: 10, windowMs: 60_000, addresses: 10_000 },
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws ProblemError `too_many_attempts` with the seconds to wait as `retryAfter` */
  assertAllowed(address: string): void {
    const left = this.waitMs(address)
    if (left > 0) throw tooOften('Too many tokens that are not known came from here.', left)
  }

  /** How long an address has to wait, milliseconds; 0: it may try. */
  waitMs(address: string): number {
    const { most, windowMs } = this.options
    const known = this.failures.get(address)
    if (known === undefined) return 0
    const left = known.since + windowMs - this.now()
    if (left <= 0) this.failures.delete(address)
    return left <= 0 || known.count < most ? 0 : left
  }

  failed(address: string): void {
    const known = this.failures.get(address) ?? { count: 0, since: this.now() }
    this.failures.delete(address)
    this.failures.set(address, { ...known, count: known.count + 1 })
    const [oldest] = this.failures.keys()
    if (this.failures.size > this.options.addresses && oldest !== undefined) this.failures.delete(oldest)
  }
}
