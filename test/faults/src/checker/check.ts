import type { Evidence, Invariant, Verdict } from './evidence.js'
import { holdsHold, nothingLeft, trueCounts, verified } from './invariants/completion.js'
import { converged, nothingLost } from './invariants/lifecycle.js'
import { committedTogether, duplicatesIgnored, foldIsState, noGaps } from './invariants/log.js'
import { nothingTold, published, tombstonesOutlive } from './invariants/outside.js'
import { lagNotBelow, memoryBounded, othersUntouched, poisonQuarantined } from './invariants/surroundings.js'

/** Numbers of the design that a run of faults is judged by, each with what judges it. */
export const invariants: ReadonlyMap<number, Invariant> = new Map([
  [1, verified],
  [2, nothingLeft],
  [3, converged],
  [4, nothingLost],
  [5, foldIsState],
  [6, duplicatesIgnored],
  [7, noGaps],
  [8, together(committedTogether, published)],
  [9, poisonQuarantined],
  [10, trueCounts],
  [11, othersUntouched],
  [12, holdsHold],
  [14, tombstonesOutlive],
  [17, nothingTold],
  [19, memoryBounded],
  [20, lagNotBelow],
])

/** Two sides of one invariant, told as one. */
function together(one: Invariant, other: Invariant): Invariant {
  return (evidence) => {
    const [first, second] = [one(evidence), other(evidence)]
    return {
      ...first,
      checked: first.checked + second.checked,
      what: `${first.what}; ${second.what}`,
      violations: [...first.violations, ...second.violations],
    }
  }
}

/** Judges a run. An invariant for which nothing was there to look at is violated, unless it says why. */
export function check(evidence: Evidence): Verdict[] {
  return [...invariants.values()].map((invariant) => {
    const verdict = invariant(evidence)
    if (verdict.checked > 0 || verdict.skipped !== undefined) return verdict
    return { ...verdict, violations: [...verdict.violations, 'nothing was there to be checked'] }
  })
}
