import type { CopyTally } from './restore-client.js'

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

/** What a restore drill saw: counts and instants, nobody's name. Times are epoch milliseconds, lengths milliseconds. */
export interface DrillEvidence {
  readonly kind: string
  readonly incarnation: string
  readonly startedAt: number
  readonly finishedAt: number
  readonly backup: { readonly takenAt: number; readonly bytes: number; readonly sha256: string } | null
  /** The erasure of the made-up person. */
  readonly requestId: string | null
  /** How often that person was found in the restored backup, before and after the replay; null where nobody looked. */
  readonly canary: { readonly cameBack: number | null; readonly left: number | null }
  /** Of everybody who stays absent, before the replay: matches per collection. */
  readonly cameBack: Readonly<Record<string, number>>
  readonly replay: CopyTally | null
  readonly probe: CopyTally | null
  readonly durations: Readonly<Partial<Record<DrillPhase, number>>>
  readonly versions: Readonly<Record<string, string>>
}

/** One restore drill, as far as it has come. */
export interface DrillView {
  readonly drillId: string
  readonly systemId: string
  readonly askedBy: string
  readonly trigger: 'person' | 'schedule'
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly finishedAt: number | null
  readonly phase: DrillPhase
  /** `proves_nothing`: nobody came back with the backup, so nothing was tried. `stopped`: it did not get to its end. */
  readonly verdict: 'passed' | 'failed' | 'proves_nothing' | 'stopped' | null
  /** Why it ended as it did; before its end, what it waits for. */
  readonly reasons: readonly {
    readonly code: string
    readonly detail: string
    readonly counts?: Readonly<Record<string, number>>
  }[]
  readonly evidence: DrillEvidence | null
  /** SHA-256 over the evidence and the hash of the system's drill before. */
  readonly hash: string | null
  /** Whether the evidence is what was written at its end; null while there is none. */
  readonly intact: boolean | null
}
