/** One look at one partition. */
export interface Sample {
  /** Epoch milliseconds. */
  readonly at: number
  readonly end: number
  readonly committed: number
}

/** A number, or why there is none. */
export type Known = { readonly value: number } | { readonly value: null; readonly why: Missing }
export type Missing =
  | 'too_few_samples'
  | 'older_than_watched'
  | 'not_catching_up'
  | 'not_seen_moving'
  | 'standing_still'

const missing = (why: Missing): Known => ({ value: null, why })
const known = (value: number): Known => ({ value })

/** A rate over less than this says nothing. */
const SHORTEST_MS = 2_000
const WINDOW_MS = 60_000

/**
 * The last looks at one partition, oldest first. Looks closer together than `spacingMs` replace one another, so
 * that `capacity` of them reach back at least `capacity × spacingMs`, however often somebody looks.
 */
export class LagHistory {
  private kept: Sample[] = []

  constructor(
    private readonly capacity = 720,
    private readonly spacingMs = 5_000,
  ) {}

  get samples(): readonly Sample[] {
    return this.kept
  }

  /** A look that is older than the last is left out; after an end that went back, everything before is void. */
  add(sample: Sample): void {
    const last = this.kept.at(-1)
    if (last && sample.at <= last.at) return
    if (last && (sample.end < last.end || sample.committed < last.committed)) this.kept = []
    const before = this.kept.at(-2)
    if (before && last && last.at - before.at < this.spacingMs) this.kept.pop()
    this.kept.push(sample)
    if (this.kept.length > this.capacity) this.kept.shift()
  }
}

/** Records per minute by which the lag grows, over the last minute; below zero it shrinks. */
export function changePerMinute(samples: readonly Sample[]): Known {
  const last = samples.at(-1)
  const first = last && samples.find(({ at }) => at >= last.at - WINDOW_MS)
  if (!last || !first || last.at - first.at < SHORTEST_MS) return missing('too_few_samples')
  const change = last.end - last.committed - (first.end - first.committed)
  return known((change * 60_000) / (last.at - first.at))
}

/**
 * How long the oldest unconfirmed record has been waiting at the last look, in milliseconds: when the end of the
 * partition stood where the group stands now, interpolated between the looks around that moment.
 */
export function lagMs(samples: readonly Sample[]): Known {
  const last = samples.at(-1)
  if (!last) return missing('too_few_samples')
  if (last.committed >= last.end) return known(0)
  const index = samples.findLastIndex(({ end }) => end <= last.committed)
  const before = samples[index]
  const after = samples[index + 1]
  if (!before || !after) return missing('older_than_watched')
  const share = (last.committed - before.end) / (after.end - before.end)
  return known(last.at - (before.at + share * (after.at - before.at)))
}

/** What is certain where `lagMs` is not known: it has been waiting at least since the first look. */
export function waitsAtLeastMs(samples: readonly Sample[]): number | null {
  const [first, last] = [samples[0], samples.at(-1)]
  return first && last && last.committed < first.end ? last.at - first.at : null
}

/** Milliseconds until nothing is left, if the last minute goes on. */
export function catchUpMs(samples: readonly Sample[]): Known {
  const last = samples.at(-1)
  if (!last) return missing('too_few_samples')
  const lag = last.end - last.committed
  if (lag <= 0) return known(0)
  const change = changePerMinute(samples)
  if (change.value === null) return change
  return change.value < 0 ? known((lag / -change.value) * 60_000) : missing('not_catching_up')
}

/** Milliseconds until what is there now is done, at the speed of the last minute, whatever comes behind it. */
export function drainMs(samples: readonly Sample[]): Known {
  const last = samples.at(-1)
  if (!last) return missing('too_few_samples')
  const lag = last.end - last.committed
  if (lag <= 0) return known(0)
  const first = samples.find(({ at }) => at >= last.at - WINDOW_MS)
  if (!first || last.at - first.at < SHORTEST_MS) return missing('too_few_samples')
  const done = last.committed - first.committed
  return done > 0 ? known((lag * (last.at - first.at)) / done) : missing('standing_still')
}

/** When the position was last seen moving: not before this moment, and at most one look after the commit. */
export function lastCommitAt(samples: readonly Sample[]): Known {
  for (let index = samples.length - 1; index > 0; index--) {
    const [sample, before] = [samples[index], samples[index - 1]]
    if (sample && before && sample.committed > before.committed) return known(sample.at)
  }
  return missing('not_seen_moving')
}
