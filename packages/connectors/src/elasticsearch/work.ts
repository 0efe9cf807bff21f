import type { CollectionCounts, Counts, Outcome, Pass } from '@lethe/eraser-kit'
import type { Failure } from './errors.js'
import type { Kept } from './kept.js'
import type { Entry, Remembered } from './ledger.js'
import type { Person } from './people.js'
import type { Job, Target } from './targets.js'

export const jobKey = ({ collection, method }: Pick<Target, 'collection' | 'method'>) =>
  `${method}|${collection}`

/** One pass of a batch on its way. Counts are per job. */
export interface Work {
  readonly pass: Pass
  readonly person: Person
  readonly targets: readonly Target[]
  /** Changed by earlier attempts of this pass. */
  readonly before: Map<string, number>
  /** Documents there when this attempt began. */
  readonly found: Map<string, number>
  /** What a law keeps, counted when this attempt began. */
  readonly kept: Map<string, Kept>
  /** Changed by this attempt. */
  readonly changed: Map<string, number>
  /** Documents there after it. */
  readonly left: Map<string, number>
  version: Entry['version']
  /** Passes of the step so far, oldest first. */
  passes: readonly string[]
  failure: Failure | null
  /** What went wrong among several people: theirs, if anything of them is left. */
  suspected?: Failure
}

const sum = (counts: ReadonlyMap<string, number>) =>
  [...counts.values()].reduce((total, count) => total + count, 0)

/** Types of the identifiers a pass selects by. */
export const selectionOf = ({ subject }: Pass): string =>
  [...new Set(subject.identifiers.map(({ type }) => type))].sort().join(' ')

/**
 * What earlier attempts have done: what they wrote down as done, and of what they were about to change, all that
 * is no longer there. So too for an earlier pass of the step, unless its own acknowledgement tells it. Exact unless
 * somebody else adds or removes this person's documents meanwhile.
 */
export function takeOver(work: Work, { own, before, passes }: Remembered): void {
  work.version = own.version
  work.passes = passes
  const entry = own.version ? own : before
  const told = entry !== own && (entry?.told || entry?.body !== null)
  if (entry === null || told) return
  const comparable = entry === own || entry.by === selectionOf(work.pass)
  for (const target of work.targets) {
    const key = jobKey(target)
    const open = comparable ? (entry.open[key] ?? 0) : 0
    const vanished = Math.max(0, open - (work.found.get(key) ?? 0))
    work.before.set(key, (entry.done[key] ?? 0) + vanished)
  }
}

export const touches = (work: Work) => sum(work.before) + sum(work.found)
export const isOpen = (work: Work) => work.failure === null && sum(work.found) > 0

/** `tells`: whether what was done is told now; else a later pass of the step does. */
export function outcomeOf(work: Work, jobs: readonly Job[], tells = true): Outcome {
  const counts = countsOf(jobs, (key) => ({
    changed: tells ? (work.before.get(key) ?? 0) + (work.changed.get(key) ?? 0) : 0,
    left: work.left.get(key) ?? work.found.get(key) ?? 0,
    kept: work.kept.get(key)?.documents ?? 0,
  }))
  if (work.failure)
    return { outcome: 'failed', counts, errorCode: work.failure.code, errorClass: work.failure.errorClass }
  const parts = [...work.kept.values()].flatMap((kept) => kept.parts)
  if (parts.length > 0) return { outcome: 'retained', counts, retained: parts }
  const all = Object.values(counts)
  const outcome = all.some(({ erased }) => erased > 0)
    ? 'erased'
    : all.some(({ redacted }) => redacted > 0)
      ? 'redacted'
      : 'not_found'
  return { outcome, counts }
}

/** Counts per index name of the map; what its methods did is added up. */
export function countsOf(
  jobs: readonly Job[],
  of: (key: string) => { readonly changed: number; readonly left: number; readonly kept?: number },
): Counts {
  const counts: Record<string, CollectionCounts> = {}
  for (const { name, method } of jobs) {
    const { changed, left, kept = 0 } = of(jobKey({ collection: name.text, method }))
    const own = counts[name.text] ?? { found: 0, erased: 0, redacted: 0, retained: 0, failed: 0 }
    counts[name.text] = {
      ...own,
      found: own.found + changed + left + kept,
      erased: own.erased + (method === 'redact' ? 0 : changed),
      redacted: own.redacted + (method === 'redact' ? changed : 0),
      retained: own.retained + kept,
      failed: own.failed + left,
    }
  }
  return counts
}

export function failed(failure: Failure, jobs: readonly Job[]): Outcome {
  const counts = countsOf(jobs, () => ({ changed: 0, left: 0 }))
  return { outcome: 'failed', counts, errorCode: failure.code, errorClass: failure.errorClass }
}
