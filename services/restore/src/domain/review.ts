import type { Reason } from './waiting.js'

export type Decision = 'keep' | 'erase'

/**
 * Records of a store that only an e-mail or phone number leads to, and nothing says whether they are of the person who
 * was erased or of somebody who came back with the same one.
 */
export interface Review {
  readonly reviewId: string
  readonly systemId: string
  readonly requestId: string
  /** The restore or sweep that found them last. */
  readonly restoreId: string
  /** Matches per collection. */
  readonly found: Readonly<Record<string, number>>
  /** Epoch milliseconds. */
  readonly foundAt: number
  readonly decision: Decision | null
  readonly decidedAt: number | null
  readonly decidedBy: string | null
  readonly ticket: string | null
  /** When a decision to erase was carried out. */
  readonly doneAt: number | null
}

/** How passes treat undated records of somebody: nobody decided, or to keep them: they stay. */
export const undatedBy = (review: Pick<Review, 'decision' | 'doneAt'> | undefined): 'leave' | 'take' =>
  review?.decision === 'erase' && review.doneAt === null ? 'take' : 'leave'

export const toReview = (people: number): Reason => ({
  code: 'review',
  detail:
    'Records were found by an e-mail or phone number alone, and nothing says whether they are of before the erasure or of somebody who came back. Decide each (lethe restore reviews), then it goes on by itself.',
  counts: { people },
})

interface Finding {
  readonly result: 'clean' | 'residual' | 'inconclusive'
  readonly residual: Readonly<Record<string, number>>
  readonly undated?: Readonly<Record<string, number>> | undefined
}

/** A finding without what stays until somebody decides, or for good. */
export function withoutUndated<F extends Finding>(finding: F): F {
  const { undated, result } = finding
  if (undated === undefined || result !== 'residual') return finding
  const residual = Object.fromEntries(
    Object.entries(finding.residual).map(([place, matches]) => [place, matches - (undated[place] ?? 0)]),
  )
  const some = Object.values(residual).some((matches) => matches > 0)
  return { ...finding, result: some ? 'residual' : 'clean', residual }
}
