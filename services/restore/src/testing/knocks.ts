/** What became of an attempt: nobody listened, there was no answer in time, it was turned away, or it was let in. */
export type Fate = 'away' | 'unanswered' | 'refused' | 'inside'

export interface Attempt {
  readonly fate: Fate
  /** How many of the erased were seen from inside. */
  readonly erased: number
  /** When it was let in, in nanoseconds of the machine's clock. */
  readonly insideAt: bigint | null
}

/** Tries once; `n` counts the attempts. Never rejects. */
export type Way = (n: number) => Promise<Attempt>

export interface Rate {
  readonly attempts: number
  /** Of the time in which that was what attempts met. */
  readonly perSecond: number
}

/** What clients saw that kept knocking. */
export interface Knocks {
  /** Until the first was let in: while nobody listened, and while somebody did. */
  readonly away: Rate
  readonly shut: Rate
  /** Of those that somebody listened to: they gave up. */
  readonly unanswered: number
  readonly inside: number
  readonly longestPauseMs: number
  /** When the first was let in, in nanoseconds of the machine's clock and as epoch milliseconds; null when none ever was. */
  readonly firstInsideAt: bigint | null
  readonly firstInsideMs: number | null
  /** The most of the erased that any look from inside found. */
  readonly erasedSeen: number
}

/** Notes when each attempt began and what became of it. Milliseconds of the machine's clock. */
export class Ledger {
  private readonly starts: number[] = []
  private readonly fates: Fate[] = []
  private firstInside: bigint | null = null
  private erasedSeen = 0
  private readonly begunAt: number

  // Read by a thread that only strips types, so no field is declared by a parameter.
  constructor(begunAt: number) {
    this.begunAt = begunAt
  }

  get attempts(): number {
    return this.starts.length
  }

  begin(at: number): number {
    this.fates.push('unanswered')
    return this.starts.push(at) - 1
  }

  end(n: number, { fate, erased, insideAt }: Attempt): void {
    this.fates[n] = fate
    this.erasedSeen = Math.max(this.erasedSeen, erased)
    if (insideAt !== null && (this.firstInside === null || insideAt < this.firstInside))
      this.firstInside = insideAt
  }

  /** @param epochOffset what turns the machine's clock into epoch milliseconds */
  knocks(epochOffset: number): Knocks {
    const firstInsideMs = this.firstInside === null ? null : Number(this.firstInside) / 1e6
    const count = (fate: Fate) => this.fates.filter((one) => one === fate).length
    return {
      ...this.rates(firstInsideMs ?? Number.POSITIVE_INFINITY),
      unanswered: count('unanswered'),
      inside: count('inside'),
      firstInsideAt: this.firstInside,
      firstInsideMs: firstInsideMs === null ? null : firstInsideMs + epochOffset,
      erasedSeen: this.erasedSeen,
    }
  }

  /** The time before an attempt counts for what that attempt met. */
  private rates(until: number): Pick<Knocks, 'away' | 'shut' | 'longestPauseMs'> {
    const met = { away: { attempts: 0, ms: 0 }, shut: { attempts: 0, ms: 0 } }
    let [before, longestPauseMs] = [this.begunAt, 0]
    for (const [n, start] of this.starts.entries()) {
      if (start > until || this.fates[n] === 'inside') continue
      const rate = met[this.fates[n] === 'away' ? 'away' : 'shut']
      rate.attempts += 1
      rate.ms += start - before
      longestPauseMs = Math.max(longestPauseMs, start - before)
      before = start
    }
    const rateOf = ({ attempts, ms }: { attempts: number; ms: number }): Rate => ({
      attempts,
      perSecond: attempts === 0 ? 0 : Math.round((attempts * 1_000) / Math.max(ms, 1)),
    })
    return { away: rateOf(met.away), shut: rateOf(met.shut), longestPauseMs: Math.round(longestPauseMs) }
  }
}
