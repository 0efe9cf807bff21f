import type { log } from '@lethe/schemas'

export type RequestEvent = log.LogEvent
export type RequestEventType = RequestEvent['type']

export type RequestStatus =
  | 'PENDING'
  | 'AWAITING_IDENTITY'
  | 'AWAITING_APPROVAL'
  | 'SCHEDULED'
  | 'IN_PROGRESS'
  | 'AWAITING_VERIFICATION'
  | 'COMPLETED'
  | 'PARTIALLY_COMPLETED'
  | 'FAILED'
  | 'ON_HOLD'
  | 'REFUSED'
  | 'CANCELLED'

export type SystemStatus =
  | 'PENDING'
  | 'IN_PROGRESS'
  | 'COMPLETED'
  | 'FAILED'
  | 'NOT_APPLICABLE'
  | 'RETAINED'
  | 'DEFERRED'
  | 'EXPIRING'

/** A grant that was issued; outstanding until its pass is acknowledged or it expires. */
export interface GrantState {
  readonly grantId: string
  readonly attempt: number
  readonly issuedAt: number
  readonly expiresAt: number
}

/** One application of a step for one reason. */
export interface PassState {
  readonly passId: string
  readonly stepId: string
  readonly systemId: string
  readonly reason: string
  /** Highest attempt that was emitted. */
  readonly attempt: number
  readonly requestedAt: number
  readonly grants: readonly GrantState[]
  /** The acknowledgement that counts, if any; later duplicates are ignored. */
  readonly acknowledged: log.PassAcknowledged | null
}

export interface ProbeState {
  readonly passId: string
  readonly systemId: string
  readonly requestedAt: number
  readonly reported: log.ProbeReported | null
}

/**
 * What the events of one request say. Plain JSON (objects and arrays only), so that a snapshot
 * is `JSON.stringify` of it and fold(log) = fold(snapshot + tail) can be compared byte by byte.
 */
export interface RequestState {
  readonly requestId: string
  readonly tenantId: string
  readonly subjectRef: string
  /** Events folded so far; the version of the stream. */
  readonly version: number
  readonly status: RequestStatus
  readonly received: log.RequestReceived
  readonly dueAt: number
  readonly identity: log.IdentityAttested | null
  readonly review: log.IdentityReviewOpened | null
  readonly resolutions: readonly log.IdentifiersResolved[]
  readonly plan: log.PlanFrozen | null
  /** The approval that is waited for, if any. */
  readonly awaitingApproval: log.ApprovalRequested | null
  readonly approvals: readonly log.RequestApproved[]
  readonly runAt: number | null
  /** Holds in force, oldest first. */
  readonly holds: readonly log.RequestHeld[]
  readonly passes: Readonly<Record<string, PassState>>
  readonly probes: Readonly<Record<string, ProbeState>>
  readonly tombstones: Readonly<Record<string, log.TombstoneWritten>>
  readonly firstGrantAt: number | null
  readonly failure: log.RequestFailed | null
  readonly partial: log.RequestPartiallyCompleted | null
  readonly refusal: log.RequestRefused | null
  readonly extension: log.RequestExtended | null
  readonly liveErasedAt: number | null
  readonly completedAt: number | null
  readonly backupClearAt: number | null
  readonly backupClear: boolean
}
