import { ProblemError } from '../problem.js'

export interface PaceOptions {
  /** How often something may be done under one key within any `windowMs`. */
  readonly most: number
  readonly windowMs: number
  /** Keys that are remembered at once; the one that was unused longest makes room. */
  readonly keys: number
}

/** Bounds how often something is done under a key, in the memory of this process: never more within any window. */
export class Pace {
  private readonly times = new Map<string, readonly number[]>()
  private readonly options: PaceOptions

  constructor(
    options: Pick<PaceOptions, 'most'> & Partial<PaceOptions>,
    private readonly now: () => number = Date.now,
  ) {
    this.options = { windowMs: 60_000, keys: 10_000, ...options }
  }

  /** How long until it may be done once more, milliseconds; 0: now. */
  waitMs(key: string): number {
    const { most, windowMs } = this.options
    const within = this.within(key)
    return within.length < most ? 0 : (within[0] as number) + windowMs - this.now()
  }

  /** It is being done. */
  took(key: string): void {
    const within = this.within(key)
    this.times.delete(key)
    this.times.set(key, [...within, this.now()].slice(-this.options.most))
    const [oldest] = this.times.keys()
    if (this.times.size > this.options.keys && oldest !== undefined) this.times.delete(oldest)
  }

  private within(key: string): readonly number[] {
    const since = this.now() - this.options.windowMs
    return this.times.get(key)?.filter((at) => at > since) ?? []
  }
}

/** `too_many_attempts` with the whole seconds to wait, in the text, as `retryAfter` and in Retry-After. */
export function tooOften(why: string, waitMs: number): ProblemError {
  const retryAfter = Math.ceil(waitMs / 1_000)
  return new ProblemError('too_many_attempts', 429, `${why} Try again in ${retryAfter} s.`, { retryAfter })
}
