/** One thing that is wrong, or could be better, in a data map. */
export interface MapFinding {
  readonly level: 'error' | 'warning'
  /** Stable, e.g. `replacement_null`. */
  readonly code: string
  /** Table, column or key family. */
  readonly where: string
  readonly message: string
  /** Dotted path in the map, and 1-based line of its text. */
  readonly path: string
  readonly line: number
}

export interface CheckedSystem {
  readonly kind: string
  /** `unreachable`: nobody looked, so nothing is known. `by_hand`: nobody but a person can look. */
  readonly status: 'checked' | 'unreachable' | 'not_applicable' | 'by_hand'
  readonly storeVersion: string | null
  readonly findings: readonly MapFinding[]
  /** The least that the erasing and the probing role need, as statements of the store. */
  readonly grants: { readonly erase: readonly string[]; readonly probe: readonly string[] } | null
}

/** A data map against the live stores. */
export interface CheckedMap {
  readonly version: number
  readonly digest: string
  readonly inForce: boolean
  /** No finding is an error. */
  readonly ok: boolean
  readonly findings: readonly MapFinding[]
  readonly systems: Readonly<Record<string, CheckedSystem>>
}

/** An identifier of a person, as your system stores it. */
export interface Identifier {
  readonly type: 'user_id' | 'email' | 'phone' | `vendor:${string}`
  readonly value: string
}

export interface NewErasureRequest {
  readonly tenantId: string
  readonly identifiers: readonly Identifier[]
  /** Key of the legal clock; `gdpr` when absent. */
  readonly regime?: string
  /** Legal ground, e.g. `17(1)(b)`. */
  readonly ground?: string
  readonly requesterRole?: 'self' | 'agent' | 'admin' | 'service' | 'automated'
  /** How the caller knows that the requester is the person. */
  readonly identity?: { readonly method: string }
  /** Days in which the request can still be cancelled; 7 when absent, 0 to start at once. */
  readonly graceDays?: number
  /** `required` makes a privacy officer approve before anything runs. */
  readonly approval?: 'required' | 'none'
}

export interface CollectionCounts {
  readonly found: number
  readonly erased: number
  readonly redacted: number
  readonly retained: number
  readonly failed: number
}
export type CollectionCountsView = Readonly<Record<string, CollectionCounts>>

export interface PlannedStep {
  readonly stepId: string
  readonly systemId: string
  readonly stage: number
  readonly after: readonly string[]
}

/** What is held about a person, and what a request made now would do. */
export interface Preview {
  /** How many people the identifiers lead to; null when a system that could tell does not answer. */
  readonly people: number | null
  /** How many identifiers of each type are known of the person. */
  readonly identifiers: Readonly<Record<string, number>>
  /** Per system and collection, of the systems that answered. */
  readonly systems: Readonly<Record<string, CollectionCountsView>>
  /** Systems nobody could look into: what they hold is not known. */
  readonly unknown: readonly string[]
  /** Systems that only a person can look into and erase from: what they hold is not known. */
  readonly byHand: readonly string[]
  /** Systems that will wait for a second approver. */
  readonly overCeiling: readonly string[]
  readonly plan: {
    readonly mapVersion: number
    readonly steps: readonly PlannedStep[]
    readonly notApplicable: readonly { readonly systemId: string; readonly reason: string }[]
  }
}

/** Who must act next, why, and what to do, in a sentence. */
export interface Attention {
  readonly owner: string
  readonly nextStep: string
  readonly code: string
  readonly systemId: string | null
  /** The code by which the system's probe says why it cannot look; only where that is why. */
  readonly reason?: string
  readonly advice: string
}

/** A pass that changed nothing because it would have touched more than its system's ceiling. */
export interface OverCeiling {
  readonly systemId: string
  readonly passId: string
  readonly ceiling: number | null
  readonly found: number
  readonly counts: CollectionCountsView
}

export interface RetainedPart {
  readonly category: string
  readonly ground: string
  readonly citation: string
  /** Epoch milliseconds at which the erasure resumes; null for no end. */
  readonly until: number | null
}

/** What a person has to do by hand, or says they did. Epoch milliseconds. */
export interface TaskView {
  /** The least role that may do it. */
  readonly role: string
  readonly state: 'waiting' | 'open' | 'stopped' | 'attested'
  readonly openedAt: number | null
  readonly dueAt: number | null
  readonly taken: { readonly by: string; readonly at: number; readonly until: number } | null
  readonly attestation: {
    readonly outcome: string
    readonly records: number
    readonly doneAt: number
    readonly by: string
    /** It was done while a hold was in force. */
    readonly underHold: boolean
  } | null
}

/** Told to who takes a task: whom it is about, and until when they may be at it. */
export interface TakenTaskView {
  readonly systemId: string
  readonly passId: string
  readonly instructions: string | null
  readonly identifiers: readonly Identifier[]
  readonly receivedAt: number
  readonly until: number
}

export interface EvidenceView {
  readonly systemId: string
  readonly reference: string
  readonly note: string | null
}

export interface StepView {
  readonly stepId: string
  readonly systemId: string
  readonly status: string
  /** The pass that has the say; null before the first. */
  readonly passId: string | null
  readonly attempt: number
  readonly outcome: string | null
  readonly errorCode: string | null
  /** Over every acknowledged pass of the step; what one left and the next found counts once. */
  readonly counts: CollectionCountsView
  readonly requestedAt: number | null
  readonly acknowledgedAt: number | null
  readonly startedAt: number | null
  readonly finishedAt: number | null
  /** Only where a person erases by hand. */
  readonly task?: TaskView
}

export interface SystemView {
  readonly systemId: string
  readonly status: string
  readonly counts: CollectionCountsView
  readonly verified: boolean
  /** Only where a person erases by hand: somebody says that it is done. Such a system is never verified. */
  readonly attested?: boolean
  /** What a law keeps for now. */
  readonly retained: readonly RetainedPart[]
  readonly probe: {
    readonly result: 'clean' | 'residual' | 'inconclusive' | null
    readonly checkedAt: number | null
    readonly residual: Readonly<Record<string, number>>
    readonly reasonCode: string | null
  } | null
}

export interface ErasureRequestView {
  readonly requestId: string
  readonly tenantId: string
  readonly subjectRef: string
  readonly status: string
  /** Version of the stream; rises with every event. */
  readonly version: number
  readonly regime: string
  readonly receivedAt: number
  readonly dueAt: number
  readonly liveErasedAt: number | null
  readonly completedAt: number | null
  readonly backupClearAt: number | null
  readonly owner: string | null
  readonly nextStep: string | null
  readonly attention: Attention | null
  readonly overCeiling: OverCeiling | null
  /** Systems where it rests on somebody's word alone that the person is gone. */
  readonly attested: readonly string[]
  readonly steps: readonly StepView[]
  readonly systems: readonly SystemView[]
}

export interface ListFilter {
  readonly status?: string
  readonly tenantId?: string
  readonly systemId?: string
  readonly dueBefore?: number
  readonly cursor?: string
  readonly limit?: number
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}

export interface TimelineEntry {
  readonly version: number
  readonly type: string
  readonly at: number
  readonly data: Readonly<Record<string, unknown>>
}

export interface VerificationRow {
  readonly systemId: string
  readonly result: string | null
  readonly residual: Readonly<Record<string, number>> | null
  readonly checkedAt: number | null
  readonly position: string | null
}

/** What is sealed under an epoch of the vault, and how much of it is still needed. */
export interface EpochOutlook {
  readonly epoch: string
  readonly entries: number
  readonly notes: number
  readonly requests: number
  readonly neededRequests: number
  readonly neededEntries: number
  readonly neededNotes: number
  readonly neededTombstones: number
  /** Entries and notes nobody can read once the key is destroyed. */
  readonly becomeUnreadable: number
}

/** Times are epoch milliseconds; null for what has not happened. */
export interface VaultEpoch extends EpochOutlook {
  readonly startsAt: number
  readonly endsAt: number
  readonly destroyAt: number
  readonly closedAt: number | null
  readonly destroyingAt: number | null
  readonly destroyedAt: number | null
  readonly destroyedBy: string | null
  readonly shredded: number | null
  readonly current: boolean
  readonly hasKey: boolean
}

export interface VaultPepper {
  readonly version: string
  readonly source: 'given' | 'key_store'
  readonly state: 'settling' | 'current' | 'retiring' | 'retired'
  readonly addedAt: number
  readonly retiredAt: number | null
  /** Requests that are found by a digest made with it. */
  readonly requests: number
  /** Requests whose caller may still repeat an Idempotency-Key that was digested with it. */
  readonly idempotencyKeys: number
}

export interface ResealedEpoch {
  readonly dryRun: boolean
  readonly outlook: EpochOutlook
  readonly resealed: {
    readonly requests: number
    readonly entries: number
    readonly notes: number
    /** Requests with something that does not open. */
    readonly unreadable: readonly string[]
  } | null
}

/** One person of a file of people who were erased by other means. */
export interface ImportLine {
  /** Where it stands in the file, from 1; answers name it. */
  readonly line: number
  readonly tenantId: string
  readonly identifiers: readonly Identifier[]
  /** Epoch milliseconds. */
  readonly erasedAt: number
  /** All of the data map's when left out. */
  readonly systems?: readonly string[]
}

export interface ImportOptions {
  readonly dryRun: boolean
  /** Import the good lines beside bad ones; else one bad line keeps all of its call out. */
  readonly skipBad: boolean
}

export interface ImportedTombstones {
  /** New people; of a dry run, that would be. */
  readonly imported: number
  readonly already: number
  /** Every backup that could hold them has expired. */
  readonly expired: number
  readonly bad: readonly { readonly line: number; readonly code: string; readonly detail: string }[]
}
