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
  /** A person says that it is done; nobody looked. */
  | 'ATTESTED'
  | 'FAILED'
  | 'NOT_APPLICABLE'
  | 'RETAINED'
  | 'DEFERRED'
  | 'EXPIRING'

/** A grant that was issued; outstanding until its pass is acknowledged under it or it expires. */
export interface GrantState {
  readonly grantId: string
  readonly attempt: number
  readonly issuedAt: number
  readonly expiresAt: number
  /** Who took the task; only where a person erases by hand. */
  readonly by?: string
}

/** One application of a step for one reason. */
export interface PassState {
  readonly passId: string
  readonly stepId: string
  readonly systemId: string
  readonly reason: string
  /** Version of the stream when the pass was first requested; orders passes and probes. */
  readonly seq: number
  /**
   * Which asking for the step this pass answers, from 1. A retry answers the same demand as the
   * pass it replaces, so an acknowledgement of either satisfies it; residue is a new demand.
   */
  readonly demand: number
  /** Highest attempt that was emitted. */
  readonly attempt: number
  /** When that attempt was emitted. */
  readonly requestedAt: number
  readonly ceilingWaived: boolean
  /** A second approver allowed this pass to be repeated above the ceiling. */
  readonly waiverGranted: boolean
  /** Blocked while unacknowledged: no grant any more, but a late acknowledgement still counts. */
  readonly lapsed: boolean
  readonly grants: readonly GrantState[]
  /** The acknowledgement that counts, if any; later duplicates are ignored. */
  readonly acknowledged: log.PassAcknowledged | null
  /** What a person said of a task that is done; `acknowledged` says the same in the words of an eraser. */
  readonly attestation?: log.TaskAttested
}

export interface ProbeState {
  readonly passId: string
  readonly systemId: string
  readonly probeKind: log.ProbeKind
  /** Version of the stream when it was requested; a later pass of the system outdates it. */
  readonly seq: number
  readonly requestedAt: number
  readonly reported: log.ProbeReported | null
}

/**
 * What the events of one request say. Plain JSON (objects and arrays only), so that a snapshot
 * is `JSON.stringify` of it and fold(log) = fold(snapshot + tail) can be compared. Nothing here
 * depends on the order of keys, which a JSONB column does not keep.
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
  /** The identity review that is open, if any. */
  readonly review: log.IdentityReviewOpened | null
  readonly resolutions: readonly log.IdentifiersResolved[]
  readonly plan: log.PlanFrozen | null
  /** The approval that is waited for, if any. */
  readonly awaitingApproval: log.ApprovalRequested | null
  readonly approvals: readonly log.RequestApproved[]
  readonly runAt: number | null
  /** Holds in force, oldest first. */
  readonly holds: readonly log.RequestHeld[]
  /** Ids of the holds that were lifted. */
  readonly releasedHolds: readonly string[]
  readonly passes: Readonly<Record<string, PassState>>
  readonly probes: Readonly<Record<string, ProbeState>>
  /** Latest tombstone per system. */
  readonly tombstones: Readonly<Record<string, log.TombstoneWritten>>
  /** Per system, the version at which a person had it tried again: bounds count from there. */
  readonly retries: Readonly<Record<string, number>>
  readonly firstGrantAt: number | null
  /** Open failures, oldest first, at most one per system. */
  readonly failures: readonly log.RequestFailed[]
  /** The latest of `failures`. */
  readonly failure: log.RequestFailed | null
  readonly partial: log.RequestPartiallyCompleted | null
  readonly refusal: log.RequestRefused | null
  readonly cancelled: log.RequestCancelled | null
  readonly extension: log.RequestExtended | null
  readonly liveErasedAt: number | null
  readonly completedAt: number | null
  readonly backupClearAt: number | null
  readonly backupClear: boolean
}
