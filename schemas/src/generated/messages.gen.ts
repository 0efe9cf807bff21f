// Generated from the Avro schemas by `npm run generate`. Do not edit.
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

/** What one eraser did in one pass. The receipt inside the store is its twin. */
export interface ErasureAcknowledged {
  /** Equal to the ce_id header; the same on every republication. */
  readonly ackId: string
  readonly requestId: string
  readonly tenantId: string
  /** Random id per request, the only name for the person in events. */
  readonly subjectRef: string
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
  /** LSN, offset or version of the store after the erasure. */
  readonly position: null | string
  readonly errorCode: null | string
  readonly errorClass: null | ErrorClass
  readonly nextRetryAt: null | number
  readonly vendorRef: null | string
  readonly vendorExpectedAt: null | number
  readonly retained: readonly RetainedPart[]
  readonly expiring: null | Expiring
  readonly connectorVersion: string
  readonly grantId: string
  /** base64url HMAC-SHA256 with the one-time key that came with the grant. */
  readonly mac: string
}

/** Another service asks for an erasure; everything personal is inside the JWE. */
export interface ErasureIntake {
  /** HMAC-SHA256 of the caller's idempotency key; also the record key. */
  readonly intakeKey: string
  /** Compact JWE (ECDH-ES, A256GCM) to the request service's public key. */
  readonly jwe: string
  /** Epoch milliseconds, UTC. */
  readonly sentAt: number
}

export type ProbeKind = 'after_erasure' | 'recheck' | 'sweep' | 'restore'

export interface RequestedProbe {
  readonly systemId: string
  /** <system>/probe-<n> */
  readonly passId: string
  readonly probeKind: ProbeKind
}

/** Probes that may look now. */
export interface ErasureProbeRequested {
  readonly requestId: string
  readonly tenantId: string
  /** Random id per request, the only name for the person in events. */
  readonly subjectRef: string
  readonly mapVersion: number
  readonly probes: readonly RequestedProbe[]
  /** Epoch milliseconds, UTC. */
  readonly requestedAt: number
}

export interface RequestedPass {
  readonly systemId: string
  readonly stepId: string
  /** <step>/<reason> */
  readonly passId: string
  readonly attempt: number
}

/** Passes that may run now, at most one message per request and wave. */
export interface ErasureRequested {
  readonly requestId: string
  readonly tenantId: string
  /** Random id per request, the only name for the person in events. */
  readonly subjectRef: string
  readonly mapVersion: number
  readonly passes: readonly RequestedPass[]
  /** Epoch milliseconds, UTC. */
  readonly requestedAt: number
}

export type Milestone = 'accepted' | 'rejected' | 'refused' | 'held' | 'released' | 'cancelled' | 'live_erased' | 'completed' | 'partially_completed' | 'failed' | 'backup_clear'

/** Milestones of a request, for anyone who follows it. */
export interface ErasureStatusChanged {
  /** null when an intake message was rejected. */
  readonly requestId: null | string
  readonly tenantId: null | string
  readonly subjectRef: null | string
  readonly intakeKey: null | string
  readonly status: Milestone
  readonly requestStatus: null | string
  readonly problemCode: null | string
  readonly dueAt: null | number
  readonly backupClearAt: null | number
  /** Epoch milliseconds, UTC. */
  readonly at: number
  /** With live_erased, partially_completed and completed: systems no probe can look into, where it rests on somebody's word. */
  readonly attested: readonly string[]
}

/** This subject stays absent from this system until expiresAt. */
export interface ErasureTombstone {
  readonly tombstoneId: string
  /** Rises with every change of this tombstone; consumers keep the highest. */
  readonly sequence: number
  readonly prevHash: null | string
  readonly tenantId: string
  readonly requestId: string
  readonly systemId: string
  /** AES-256-GCM under the epoch key; null when collected. */
  readonly sealedSelectors: null | Buffer
  readonly epoch: string
  readonly mapVersion: number
  /** Epoch milliseconds, UTC. */
  readonly effectiveAt: number
  /** Epoch milliseconds, UTC. */
  readonly expiresAt: number
  /** ISO 8601 duration. */
  readonly recurEvery: null | string
  readonly heldUntil: null | number
}

export type ProbeResult = 'clean' | 'residual' | 'inconclusive'

/** What an independent probe found in one system. */
export interface ProbeReported {
  readonly reportId: string
  readonly requestId: string
  readonly tenantId: string
  /** Random id per request, the only name for the person in events. */
  readonly subjectRef: string
  readonly systemId: string
  readonly passId: string
  readonly probeKind: string
  /** Epoch milliseconds, UTC. */
  readonly checkedAt: number
  readonly position: null | string
  /** Matches per collection, zero included. */
  readonly residual: Readonly<Record<string, number>>
  readonly result: ProbeResult
  /** Why inconclusive. */
  readonly reasonCode: null | string
  readonly nextCheckAt: null | number
  readonly connectorVersion: string
  readonly mac: string
}

export type Announcer = 'hook' | 'marker' | 'sweep' | 'operator'

export type GateMode = 'hooked' | 'unhooked' | 'advisory'

/** A store came back, or is about to come back, from a backup. */
export interface RestoreAnnounced {
  readonly restoreId: string
  readonly systemId: string
  readonly backupId: null | string
  readonly announcedBy: Announcer
  readonly gateMode: GateMode
  /** Epoch milliseconds, UTC. */
  readonly announcedAt: number
}

export type Message =
  | { readonly type: 'ErasureAcknowledged'; readonly data: ErasureAcknowledged }
  | { readonly type: 'ErasureIntake'; readonly data: ErasureIntake }
  | { readonly type: 'ErasureProbeRequested'; readonly data: ErasureProbeRequested }
  | { readonly type: 'ErasureRequested'; readonly data: ErasureRequested }
  | { readonly type: 'ErasureStatusChanged'; readonly data: ErasureStatusChanged }
  | { readonly type: 'ErasureTombstone'; readonly data: ErasureTombstone }
  | { readonly type: 'ProbeReported'; readonly data: ProbeReported }
  | { readonly type: 'RestoreAnnounced'; readonly data: RestoreAnnounced }
