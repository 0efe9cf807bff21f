/** How far the phase of a replay has come. */
export interface Progress {
  /** Tombstones that are done in this phase; null before there is one to be done. */
  readonly done: number | null
  readonly total: number
  /** Until this phase ends at the pace seen so far, milliseconds. */
  readonly leftMs: number | null
  /** Why a field is null, under its name. */
  readonly unknown: Readonly<Record<string, string>>
}

interface Seen {
  readonly done: number
  /** Epoch milliseconds. */
  readonly at: number
}

/** What is looked at: another run or phase is another thing, and starts anew. */
export interface Stretch {
  readonly restoreId: string
  readonly run: number
  readonly phase: string
  readonly done: number
  readonly total: number
}

/** A pace over less than this says nothing. */
const SHORTEST_MS = 2_000
const MOST = 1_000

/** Remembers where each replay was first seen, so that its pace can be told. */
export class Pace {
  private readonly first = new Map<string, Seen>()

  /** @param now epoch milliseconds, of the look that `stretch` came from */
  progress({ restoreId, run, phase, done, total }: Stretch, now: number): Progress {
    const key = `${restoreId} ${run} ${phase}`
    const before = this.first.get(key)
    // What went back is another pass over the same people.
    const since = before === undefined || before.done > done ? { done, at: now } : before
    this.remember(key, since)
    const whole = Math.max(total, done)
    const left = whole - done
    if (left === 0) return { done, total: whole, leftMs: 0, unknown: {} }
    const unknown = (why: string): Progress => ({
      done,
      total: whole,
      leftMs: null,
      unknown: { leftMs: why },
    })
    if (now - since.at < SHORTEST_MS) return unknown('too_few_samples')
    if (done === since.done) return unknown('standing_still')
    return { done, total: whole, leftMs: (left * (now - since.at)) / (done - since.done), unknown: {} }
  }

  private remember(key: string, seen: Seen): void {
    this.first.delete(key)
    this.first.set(key, seen)
    const [oldest] = this.first.keys()
    if (this.first.size > MOST && oldest !== undefined) this.first.delete(oldest)
  }
}
