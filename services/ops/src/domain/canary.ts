import type { SystemView } from '@lethe/domain'

/** What an eraser did to the last made-up person it was given. */
export interface Canary {
  /** `unconfirmed`: the eraser says so, and its probe could not tell. */
  readonly result: 'passed' | 'failed' | 'unconfirmed'
  /** When that was seen, epoch milliseconds. */
  readonly at: number
  /** The restore drill whose made-up person it was. */
  readonly drillId: string
  /** The code of what is wrong; null when it passed. */
  readonly why: string | null
}

/** The made-up person of one restore drill, in one system. */
export interface Trial {
  readonly drillId: string
  /** Whether the person certainly was in the store: only then an eraser that finds nobody is wrong. */
  readonly stood: boolean
  /** When the drill gave up waiting for the erasure, epoch milliseconds; null: it did not. */
  readonly gaveUpAt: number | null
  /** Of the person's erasure request; null before the read models have it. */
  readonly requestStatus: string | null
  /** The system in that request; null before its plan is frozen. */
  readonly system: Pick<
    SystemView,
    'status' | 'counts' | 'finishedAt' | 'failure' | 'probe' | 'verified'
  > | null
}

/** The latest trial that says something; null where none does: one still under way, or cut short, says nothing. */
export function canaryOf(latestFirst: readonly Trial[]): Canary | null {
  for (const trial of latestFirst) {
    const found = toldBy(trial)
    if (found !== null) return { ...found, drillId: trial.drillId }
  }
  return null
}

type Told = Omit<Canary, 'drillId'>

const SETTLED = ['COMPLETED', 'RETAINED', 'EXPIRING']

function toldBy({ system, stood, gaveUpAt, requestStatus }: Trial): Told | null {
  if (system === null) return null
  const { failure, probe } = system
  if (failure !== null) return { result: 'failed', at: failure.at, why: failure.code }
  if (!SETTLED.includes(system.status)) {
    // Held or waiting for a person is nobody's failure, and neither is a system whose turn has not come.
    const asked = system.status === 'IN_PROGRESS' && requestStatus === 'IN_PROGRESS'
    return asked && gaveUpAt !== null ? { result: 'failed', at: gaveUpAt, why: 'not_done' } : null
  }
  if (touched(system.counts) === 0)
    return stood && system.finishedAt !== null
      ? { result: 'failed', at: system.finishedAt, why: 'not_found' }
      : null
  const checkedAt = probe?.checkedAt ?? null
  if (probe === null || checkedAt === null) return null
  if (probe.result === 'residual') return { result: 'failed', at: checkedAt, why: 'residual' }
  if (probe.result === 'inconclusive')
    return { result: 'unconfirmed', at: checkedAt, why: probe.reasonCode ?? 'inconclusive' }
  return system.verified ? { result: 'passed', at: checkedAt, why: null } : null
}

/** Records that were erased, redacted or lawfully kept: those the eraser found. */
const touched = (counts: SystemView['counts']): number =>
  Object.values(counts).reduce((sum, one) => sum + one.erased + one.redacted + one.retained, 0)
