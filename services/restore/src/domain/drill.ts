import type { Reason, Tally } from './waiting.js'

export type DrillPhase =
  | 'asked'
  | 'checking'
  | 'planting'
  | 'backing_up'
  | 'erasing'
  | 'restoring'
  | 'looking'
  | 'replaying'
  | 'probing'
  | 'clearing'
  | 'ended'

/**
 * `passed`: erased people came back with the backup, and the replay took all of them away again. `proves_nothing`: nobody
 * came back, so nothing was tried. `stopped`: it did not get to its end.
 */
export type Verdict = 'passed' | 'failed' | 'proves_nothing' | 'stopped'

/** The made-up person a drill puts into the store, erases the usual way, and must find again in the backup. */
export interface DrillCanary {
  readonly tenantId: string
  readonly identifiers: readonly { readonly type: string; readonly value: string }[]
  /** Null until the erasure was asked for. */
  readonly requestId: string | null
}

export interface DrillReason extends Pick<Reason, 'detail' | 'counts'> {
  readonly code: string
}

/** What a drill saw. Counts and instants only: it names nobody. Times are epoch milliseconds, lengths milliseconds. */
export interface DrillEvidence {
  readonly drillId: string
  readonly systemId: string
  readonly kind: string
  readonly incarnation: string
  readonly askedBy: string
  readonly trigger: 'person' | 'schedule'
  readonly startedAt: number
  readonly finishedAt: number
  readonly verdict: Verdict
  readonly reasons: readonly DrillReason[]
  readonly backup: DrillBackup | null
  /** The erasure of the made-up person. */
  readonly requestId: string | null
  /** How often that person was found in the restored backup, before and after the replay; null where nobody looked. */
  readonly canary: { readonly cameBack: number | null; readonly left: number | null }
  /** What probes found of everybody who stays absent, before the replay: matches per collection. */
  readonly cameBack: Readonly<Record<string, number>>
  readonly replay: Tally | null
  readonly probe: Tally | null
  readonly durations: Readonly<Partial<Record<DrillPhase, number>>>
  readonly versions: Readonly<Record<string, string>>
}

export interface DrillBackup {
  readonly takenAt: number
  readonly bytes: number
  readonly sha256: string
}

/** One drill, as far as it has come. Times are epoch milliseconds. */
export interface Drill {
  readonly drillId: string
  readonly systemId: string
  readonly askedBy: string
  readonly trigger: 'person' | 'schedule'
  readonly startedAt: number
  readonly finishedAt: number | null
  readonly phase: DrillPhase
  readonly verdict: Verdict | null
  /** Why it ended as it did; before its end, what it waits for. */
  readonly reasons: readonly DrillReason[]
  readonly canary: DrillCanary | null
  readonly stopping: boolean
  readonly evidence: DrillEvidence | null
  readonly prevHash: string | null
  readonly hash: string | null
  readonly mac: string | null
}

/** What was seen, before anybody says what it means. */
export interface Seen {
  readonly canary: { readonly cameBack: number; readonly left: number }
  readonly replay: Tally
  readonly probe: Tally
}

const some = (counts: Readonly<Record<string, number>>) => Object.values(counts).some((count) => count > 0)

/**
 * Passed is only what was proven: the made-up person was in the restored backup, is not there after the replay, and
 * probes find nobody who stays absent. People under a hold are left alone by every replay; they are counted.
 */
export function verdictOf({ canary, replay, probe }: Seen): {
  readonly verdict: Exclude<Verdict, 'stopped'>
  readonly reasons: readonly DrillReason[]
} {
  const reasons: DrillReason[] = []
  const add = (when: boolean, reason: DrillReason) => {
    if (when) reasons.push(reason)
  }
  add(canary.left > 0, {
    code: 'canary_left',
    detail: 'The person of this drill is still in the restored backup after the replay: one was left out.',
    counts: { found: canary.left },
  })
  add(some(probe.residual), {
    code: 'residual',
    detail: 'Probes still find erased people in these collections after the replay.',
    counts: probe.residual,
  })
  add(some(replay.failed), {
    code: 'failed',
    detail: 'The restored store would not erase everybody; the codes say why.',
    counts: replay.failed,
  })
  // Who came back under the same e-mail stands in the store in use as well: a person decides there.
  const { undated: _undated, ...inconclusive } = probe.inconclusive
  add(some(inconclusive), {
    code: 'inconclusive',
    detail: 'Probes could not look everywhere in the restored store; the codes say why.',
    counts: inconclusive,
  })
  add(probe.unreadable > 0, {
    code: 'unreadable',
    detail: 'The identifiers of these tombstones can’t be read any more.',
    counts: { tombstones: probe.unreadable },
  })
  if (reasons.length > 0) return { verdict: 'failed', reasons }
  if (canary.cameBack === 0)
    return {
      verdict: 'proves_nothing',
      reasons: [
        {
          code: 'nobody_came_back',
          detail:
            'The person of this drill was in the store when it was backed up and is not in the restored backup: it is not a backup of everything, so nothing was proven. Look at how it is made.',
        },
      ],
    }
  return { verdict: 'passed', reasons }
}
