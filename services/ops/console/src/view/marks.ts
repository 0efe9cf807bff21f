import type { Step } from '../../../src/adapters/http/answer-types.js'
import type { Tone } from './words.js'

/** One of the four marks of a step. */
export interface Mark {
  readonly name: 'requested' | 'erased' | 'probed' | 'backup-clear'
  readonly tone: Tone
  /** What the mark says, without its moment. */
  readonly text: string
  /** Epoch milliseconds; null: not yet, or not known. */
  readonly at: number | null
}

const probeTones: Readonly<Record<string, Tone>> = { clean: 'good', residual: 'bad', inconclusive: 'warn' }

/**
 * In their order: what is not there yet is said to be, and never left blank.
 * @param last the last step of the same system, with which its probe looks; null when it is this one
 */
export function marksOf(
  { marks, status, outcome, task }: Pick<Step, 'marks' | 'status' | 'outcome' | 'task'>,
  last: string | null = null,
): readonly Mark[] {
  const { requestedAt, erasedAt, probedAt, probeResult, backupClearFrom, backupClear } = marks
  return [
    requestedAt === null
      ? { name: 'requested', tone: 'quiet', text: 'not yet', at: null }
      : { name: 'requested', tone: 'good', text: 'requested', at: requestedAt },
    erasedAt === null
      ? { name: 'erased', tone: status === 'IN_PROGRESS' ? 'busy' : 'quiet', text: 'not yet', at: null }
      : task === undefined
        ? { name: 'erased', ...ended(outcome), at: erasedAt }
        : { name: 'erased', tone: 'warn', text: `attested: ${ended(outcome).text}`, at: erasedAt },
    task !== undefined
      ? { name: 'probed', tone: 'warn', text: 'nobody can look', at: null }
      : probedAt === null
        ? { name: 'probed', tone: 'quiet', text: last === null ? 'not yet' : `with ${last}`, at: null }
        : {
            name: 'probed',
            tone: probeTones[probeResult ?? ''] ?? 'warn',
            text: probeResult ?? 'no result',
            at: probedAt,
          },
    clear(backupClear, backupClearFrom),
  ]
}

/** A step can end without having erased; then its mark says how it ended. */
function ended(outcome: string | null): Pick<Mark, 'tone' | 'text'> {
  const text = outcome === null ? 'no outcome' : outcome.replaceAll('_', ' ')
  if (outcome === 'failed' || outcome === 'unsupported') return { tone: 'bad', text }
  return {
    tone: outcome === 'erased' || outcome === 'not_found' || outcome === 'redacted' ? 'good' : 'warn',
    text,
  }
}

function clear(done: boolean, from: number | null): Mark {
  if (done) return { name: 'backup-clear', tone: 'good', text: 'clear', at: from }
  if (from === null) return { name: 'backup-clear', tone: 'quiet', text: 'not yet', at: null }
  return { name: 'backup-clear', tone: 'busy', text: 'held until', at: from }
}

const summed = ['found', 'erased', 'redacted', 'retained', 'failed'] as const
export type Sums = Readonly<Record<(typeof summed)[number], number>>

/** The counts of a step over all its collections. */
export function sumsOf(counts: Step['counts']): Sums {
  const all = Object.values(counts)
  const sum = (name: (typeof summed)[number]) => all.reduce((total, one) => total + one[name], 0)
  return {
    found: sum('found'),
    erased: sum('erased'),
    redacted: sum('redacted'),
    retained: sum('retained'),
    failed: sum('failed'),
  }
}
