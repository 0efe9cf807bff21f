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

/** A request whose plan, events and certificate are gone; its topics still speak of it. */
export interface LostRequestView {
  readonly requestId: string
  readonly tenantId: string
  readonly lastStatus: string | null
  readonly held: boolean
  /** Epoch milliseconds. */
  readonly at: number
  /** Systems whose tombstones are back. */
  readonly tombstones: readonly string[]
  /** Systems that had acknowledged. */
  readonly acknowledged: readonly string[]
  readonly advice: 'decide_hold' | 'certificate_gone' | 'nothing_to_do' | 'ask_again'
}

export interface SelfReportView {
  readonly proof: 'exact' | 'complete' | 'unproven'
  readonly records: number
  readonly recovered: number
  readonly recoveredHeld: number
  readonly lostRequests: number
  readonly lostIds: readonly string[]
  /** As many of them, each with what is known of it. Absent in reports of before. */
  readonly lost?: readonly LostRequestView[]
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
