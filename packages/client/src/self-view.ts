/** Whether Lethe's own database is the one it last worked with, and what the last self-restore found. */
export interface SelfView {
  readonly state: 'ok' | 'unguarded' | 'restored' | 'unknown'
  readonly reasons: readonly string[]
  readonly running: boolean
  readonly last: {
    readonly selfId: string
    /** Epoch milliseconds. */
    readonly beganAt: number
    readonly finishedAt: number | null
    readonly by: string
    readonly reasons: readonly string[]
    readonly report: SelfReportView | null
  } | null
}

export interface SelfReportView {
  readonly proof: 'exact' | 'complete' | 'unproven'
  readonly records: number
  readonly recovered: number
  readonly recoveredHeld: number
  readonly lostRequests: number
  readonly lostIds: readonly string[]
  readonly lostAcknowledgements: number
  readonly refolded: number
  readonly heldAgain: number
  readonly notRebuilt: readonly string[]
  readonly needsAccept: boolean
  readonly acceptedBy: string | null
  /** The new one; null while everything still waits. */
  readonly incarnation: string | null
  readonly failed: string | null
}
