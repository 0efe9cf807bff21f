// Generated from the Avro schemas by `npm run generate`. Do not edit.
export type ApprovalReason = 'policy' | 'over_ceiling' | 'not_found_everywhere'

/** A person must look before the request goes on. */
export interface ApprovalRequested {
  readonly reason: ApprovalReason
  readonly passId: null | string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** A backup that may hold the subject is kept longer than its policy said. */
export interface BackupClearMoved {
  readonly systemId: string
  /** Epoch milliseconds, UTC. */
  readonly backupClearAt: number
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** A short lease to erase in one system for one pass. */
export interface GrantIssued {
  readonly grantId: string
  readonly systemId: string
  readonly stepId: string
  readonly passId: string
  readonly attempt: number
  /** Epoch milliseconds, UTC. */
  readonly at: number
  /** Epoch milliseconds, UTC. */
  readonly expiresAt: number
}

export type Occasion = 'plan' | 'first_step'

/** Identifiers found per type; the values are in the vault only. */
export interface IdentifiersResolved {
  readonly found: Readonly<Record<string, number>>
  readonly rounds: number
  readonly occasion: Occasion
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** Who says that the requester is the person, and how. */
export interface IdentityAttested {
  readonly method: string
  readonly by: string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** The identifiers lead to nobody or to more than one person: a person decides. */
export interface IdentityReviewOpened {
  readonly code: string
  /** How many people the identifiers led to. */
  readonly candidates: number
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

export type Outcome = 'erased' | 'not_found' | 'redacted' | 'retained' | 'deferred' | 'expiring' | 'unsupported' | 'failed'

export interface CollectionCounts {
  /** Records or keys that matched before anything was changed. */
  readonly found: number
  readonly erased: number
  readonly redacted: number
  readonly retained: number
  readonly failed: number
}

export type ErrorClass = 'retryable' | 'terminal' | 'paused'

export interface RetainedPart {
  /** Collection or data category kept. */
  readonly category: string
  /** Legal ground, e.g. 17(3)(b). */
  readonly ground: string
  readonly citation: string
  /** Epoch milliseconds; null when no date is known. */
  readonly until: null | number
}

export interface Expiring {
  readonly policy: string
  readonly until: number
}

/** An eraser's verified acknowledgement. */
export interface PassAcknowledged {
  readonly ackId: string
  readonly grantId: string
  readonly systemId: string
  readonly stepId: string
  readonly passId: string
  readonly attempt: number
  /** Epoch milliseconds, UTC. */
  readonly startedAt: number
  /** Epoch milliseconds, UTC. */
  readonly finishedAt: number
  readonly outcome: Outcome
  readonly counts: Readonly<Record<string, CollectionCounts>>
  readonly position: null | string
  readonly errorCode: null | string
  readonly errorClass: null | ErrorClass
  readonly nextRetryAt: null | number
  readonly vendorRef: null | string
  readonly vendorExpectedAt: null | number
  readonly retained: readonly RetainedPart[]
  readonly expiring: null | Expiring
  readonly connectorVersion: string
  /** Epoch milliseconds, UTC: when Lethe recorded it, by Lethe's own clock. */
  readonly at: number
}

/** One application of a step, for one reason, may run. */
export interface PassRequested {
  readonly stepId: string
  readonly systemId: string
  readonly passId: string
  /** initial, retry-n, resume-n, recur-n, map-<v>, restore-<id>, resurrection-<id> */
  readonly reason: string
  /** 1, and one more each time the same pass is emitted again. */
  readonly attempt: number
  /** Epoch milliseconds, UTC. */
  readonly at: number
  /** A second approver allowed this pass to touch more than its ceiling. */
  readonly ceilingWaived: boolean
}

export interface PlanStep {
  /** <systemId>#<n> */
  readonly stepId: string
  readonly systemId: string
  readonly stage: number
  /** Step ids that must be done first. */
  readonly after: readonly string[]
}

export interface BackupLife {
  readonly name: string
  readonly keepMs: number
}

export interface ByHand {
  /** The least role that may do the task. */
  readonly role: string
  /** How long it may take once it is open. */
  readonly withinMs: number
}

export interface PlanSystem {
  readonly systemId: string
  readonly kind: string
  readonly settleMs: number
  /** Rows one pass may touch. */
  readonly ceiling: null | number
  readonly backups: readonly BackupLife[]
  readonly derivedFrom: readonly string[]
  /** Only a person can erase there; null where an eraser does. */
  readonly byHand: null | ByHand
}

export interface NotApplicable {
  readonly systemId: string
  readonly reason: string
}

/** The systems, steps and their order, as of one version of the data map. */
export interface PlanFrozen {
  readonly mapVersion: number
  readonly mapDigest: string
  readonly steps: readonly PlanStep[]
  readonly systems: readonly PlanSystem[]
  readonly notApplicable: readonly NotApplicable[]
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

export type ProbeResult = 'clean' | 'residual' | 'inconclusive'

/** A probe's verified finding. */
export interface ProbeReported {
  readonly reportId: string
  readonly systemId: string
  readonly passId: string
  /** Epoch milliseconds, UTC. */
  readonly checkedAt: number
  readonly result: ProbeResult
  readonly residual: Readonly<Record<string, number>>
  readonly position: null | string
  readonly reasonCode: null | string
  readonly nextCheckAt: null | number
  readonly connectorVersion: string
  /** Epoch milliseconds, UTC: when Lethe recorded it, by Lethe's own clock. */
  readonly at: number
}

export type ProbeKind = 'after_erasure' | 'recheck' | 'sweep' | 'restore'

/** A probe may look at one system. */
export interface ProbeRequested {
  readonly systemId: string
  readonly passId: string
  readonly probeKind: ProbeKind
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** One approval, for the reason that was asked. */
export interface RequestApproved {
  readonly reason: string
  readonly by: string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** No backup and no key can bring the person back. */
export interface RequestBackupClear {
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** Withdrawn before the first grant. */
export interface RequestCancelled {
  readonly by: string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** Nothing is left to do but to wait for backups. */
export interface RequestCompleted {
  /** Epoch milliseconds, UTC. */
  readonly at: number
  /** When the longest backup of any planned system has expired. */
  readonly backupClearAt: number
  /** Systems nobody looked into: that the person is gone there rests on somebody's word. */
  readonly attested: readonly string[]
}

/** The clock is extended and the person told. */
export interface RequestExtended {
  readonly by: string
  /** Epoch milliseconds, UTC. */
  readonly newDueAt: number
  /** Epoch milliseconds, UTC. */
  readonly notifiedAt: number
  readonly reasonRef: null | string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** Open: it has an owner and a next step. */
export interface RequestFailed {
  readonly code: string
  readonly systemId: null | string
  readonly owner: string
  readonly nextStep: string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** A legal hold; nothing more is erased after effectiveAt. */
export interface RequestHeld {
  readonly holdId: string
  readonly by: string
  /** Vault reference of the free text. */
  readonly reasonRef: null | string
  /** Epoch milliseconds, UTC. */
  readonly at: number
  /** When every outstanding grant has expired or been acknowledged, at the latest. */
  readonly effectiveAt: number
}

/** Every system of the plan is erased and probed clean, or lawfully exempt. */
export interface RequestLiveErased {
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** Something is lawfully kept; it resumes at a date or a person owns it. */
export interface RequestPartiallyCompleted {
  /** Epoch milliseconds, UTC. */
  readonly at: number
  readonly backupClearAt: number
  readonly resumeAt: null | number
  readonly owner: string
  readonly nextStep: string
}

export type Channel = 'http' | 'intake' | 'console' | 'sweep'

export type RequesterRole = 'self' | 'agent' | 'admin' | 'service' | 'automated'

/** The request exists; nothing is known of the plan yet. */
export interface RequestReceived {
  readonly requestId: string
  readonly tenantId: string
  /** Random id per request, the only name for the person in events. */
  readonly subjectRef: string
  /** gdpr, uk_gdpr, ccpa, ... the keys of the legal clock. */
  readonly regime: string
  /** Epoch milliseconds, UTC. */
  readonly receivedAt: number
  /** Epoch milliseconds, UTC. */
  readonly dueAt: number
  readonly channel: Channel
  readonly requesterRole: RequesterRole
  /** Credential id of the caller. */
  readonly requestedBy: string
  /** 17(1)(a..f) or the regime's own. */
  readonly ground: string
  readonly graceUntil: null | number
  readonly intakeKey: null | string
  readonly approvalRequired: boolean
  readonly recurEvery: null | string
}

/** The controller says no, with ground and citation. */
export interface RequestRefused {
  readonly ground: string
  readonly citation: string
  readonly by: string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** The hold is lifted. */
export interface RequestReleased {
  readonly holdId: string
  readonly by: string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** A person had one system tried again; its bounds start anew. */
export interface RequestRetried {
  readonly systemId: string
  readonly by: string
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** The grace period runs; nothing is erased before runAt. */
export interface RequestScheduled {
  /** Epoch milliseconds, UTC. */
  readonly runAt: number
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

export type AttestedOutcome = 'erased' | 'not_found'

/** A person says what came of a task. Nobody looked: it is their word. */
export interface TaskAttested {
  /** The latest grant of the task before it. */
  readonly grantId: string
  readonly systemId: string
  readonly stepId: string
  readonly passId: string
  readonly outcome: AttestedOutcome
  /** How many records the person says are gone; 0 when there were none. */
  readonly records: number
  /** Epoch milliseconds, UTC: when it was done, as the person says. */
  readonly doneAt: number
  /** Credential id of the person. */
  readonly by: string
  /** Vault reference of the evidence, which is free text. */
  readonly evidenceRef: string
  /** It was done while a hold was in force. */
  readonly underHold: boolean
  /** Epoch milliseconds, UTC: when Lethe recorded it. */
  readonly at: number
}

/** A person was told that they may erase now, and who: the grant of a task. */
export interface TaskTaken {
  readonly grantId: string
  readonly systemId: string
  readonly stepId: string
  readonly passId: string
  readonly attempt: number
  /** Credential id of the person. */
  readonly by: string
  /** Epoch milliseconds, UTC. */
  readonly at: number
  /** Epoch milliseconds, UTC: nothing is begun after it. */
  readonly expiresAt: number
}

/** No backup of the system can hold the subject any more: its tombstone is no longer replayed. */
export interface TombstoneCollected {
  readonly tombstoneId: string
  readonly sequence: number
  readonly systemId: string
  readonly epoch: string
  readonly mapVersion: number
  /** Epoch milliseconds, UTC. */
  readonly effectiveAt: number
  /** Epoch milliseconds, UTC. */
  readonly expiresAt: number
  /** Epoch milliseconds, UTC. */
  readonly at: number
}

/** This subject stays absent from this system until expiresAt. */
export interface TombstoneWritten {
  readonly tombstoneId: string
  readonly sequence: number
  readonly systemId: string
  readonly epoch: string
  readonly mapVersion: number
  /** Epoch milliseconds, UTC. */
  readonly effectiveAt: number
  /** Epoch milliseconds, UTC. */
  readonly expiresAt: number
  readonly recurEvery: null | string
  readonly heldUntil: null | number
}

export type LogEvent =
  | { readonly type: 'ApprovalRequested'; readonly data: ApprovalRequested }
  | { readonly type: 'BackupClearMoved'; readonly data: BackupClearMoved }
  | { readonly type: 'GrantIssued'; readonly data: GrantIssued }
  | { readonly type: 'IdentifiersResolved'; readonly data: IdentifiersResolved }
  | { readonly type: 'IdentityAttested'; readonly data: IdentityAttested }
  | { readonly type: 'IdentityReviewOpened'; readonly data: IdentityReviewOpened }
  | { readonly type: 'PassAcknowledged'; readonly data: PassAcknowledged }
  | { readonly type: 'PassRequested'; readonly data: PassRequested }
  | { readonly type: 'PlanFrozen'; readonly data: PlanFrozen }
  | { readonly type: 'ProbeReported'; readonly data: ProbeReported }
  | { readonly type: 'ProbeRequested'; readonly data: ProbeRequested }
  | { readonly type: 'RequestApproved'; readonly data: RequestApproved }
  | { readonly type: 'RequestBackupClear'; readonly data: RequestBackupClear }
  | { readonly type: 'RequestCancelled'; readonly data: RequestCancelled }
  | { readonly type: 'RequestCompleted'; readonly data: RequestCompleted }
  | { readonly type: 'RequestExtended'; readonly data: RequestExtended }
  | { readonly type: 'RequestFailed'; readonly data: RequestFailed }
  | { readonly type: 'RequestHeld'; readonly data: RequestHeld }
  | { readonly type: 'RequestLiveErased'; readonly data: RequestLiveErased }
  | { readonly type: 'RequestPartiallyCompleted'; readonly data: RequestPartiallyCompleted }
  | { readonly type: 'RequestReceived'; readonly data: RequestReceived }
  | { readonly type: 'RequestRefused'; readonly data: RequestRefused }
  | { readonly type: 'RequestReleased'; readonly data: RequestReleased }
  | { readonly type: 'RequestRetried'; readonly data: RequestRetried }
  | { readonly type: 'RequestScheduled'; readonly data: RequestScheduled }
  | { readonly type: 'TaskAttested'; readonly data: TaskAttested }
  | { readonly type: 'TaskTaken'; readonly data: TaskTaken }
  | { readonly type: 'TombstoneCollected'; readonly data: TombstoneCollected }
  | { readonly type: 'TombstoneWritten'; readonly data: TombstoneWritten }
