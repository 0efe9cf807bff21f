/** A look at everybody who stays absent from a store in use, or at some of them. */
export interface Sweep {
  readonly sweepId: string
  readonly systemId: string
  readonly kind: SweepKind
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly finishedAt: number | null
  /** The last tombstone done of a full sweep. */
  readonly cursor: string
  readonly probed: number
  /** People who had come back. */
  readonly residual: number
  /** Under which they were erased again, or who could not be looked for is counted; null while there was neither. */
  readonly restoreId: string | null
}

/** `full`: every live tombstone. `sample`: some, by chance, so that a large store is looked at between full ones. */
export type SweepKind = 'full' | 'sample'

export interface Schedule {
  /** Milliseconds from the end of one to the start of the next. */
  readonly fullMs: number
  readonly sampleMs: number
}

/** Which sweep is due. A full one that was not finished goes on first. */
export function due(
  schedule: Schedule,
  now: number,
  last: { readonly full: number | null; readonly sample: number | null; readonly unfinished: boolean },
): SweepKind | null {
  if (last.unfinished || last.full === null || now - last.full >= schedule.fullMs) return 'full'
  return now - Math.max(last.full, last.sample ?? 0) >= schedule.sampleMs ? 'sample' : null
}

/**
 * How long to rest after work of `tookMs`, so that sweeping takes at most `share` of a store's time.
 *
 * @param share above 0, at most 1
 */
export const restAfter = (tookMs: number, share: number): number => tookMs * (1 / share - 1)
