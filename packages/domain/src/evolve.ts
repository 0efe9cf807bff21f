import { evolveIdentity } from './evolve-identity.js'
import { evolveLifecycle } from './evolve-lifecycle.js'
import { evolvePass } from './evolve-pass.js'
import { evolveProbe } from './evolve-probe.js'
import type { RequestEvent, RequestState } from './request-state.js'
import { statusOf } from './status.js'

/**
 * The state after one more event. Total over every event, free of clock and chance, and idempotent
 * for what may be told twice: a repeated event changes nothing but the version.
 */
export function evolve(state: RequestState | null, event: RequestEvent): RequestState {
  if (state === null) {
    if (event.type !== 'RequestReceived') {
      throw new Error(`a request stream must begin with RequestReceived, not ${event.type}`)
    }
    return begin(event.data)
  }
  const next = { ...apply(state, event), version: state.version + 1 }
  return { ...next, status: statusOf(next) }
}

/** The state after `events`, from a snapshot or from nothing; null when there was never an event. */
export function fold(events: Iterable<RequestEvent>, from: RequestState | null = null): RequestState | null {
  let state = from
  for (const event of events) state = evolve(state, event)
  return state
}

function apply(state: RequestState, event: RequestEvent): RequestState {
  switch (event.type) {
    case 'RequestReceived':
      return state
    case 'IdentityAttested':
    case 'IdentityReviewOpened':
    case 'IdentifiersResolved':
    case 'PlanFrozen':
      return evolveIdentity(state, event)
    case 'PassRequested':
    case 'GrantIssued':
    case 'PassAcknowledged':
    case 'TombstoneWritten':
    case 'TombstoneCollected':
    case 'TaskTaken':
    case 'TaskAttested':
      return evolvePass(state, event)
    case 'ProbeRequested':
    case 'ProbeReported':
      return evolveProbe(state, event)
    case 'ApprovalRequested':
    case 'RequestApproved':
    case 'RequestScheduled':
    case 'RequestRefused':
    case 'RequestCancelled':
    case 'RequestHeld':
    case 'RequestReleased':
    case 'RequestExtended':
    case 'RequestRetried':
    case 'RequestFailed':
    case 'RequestLiveErased':
    case 'RequestPartiallyCompleted':
    case 'RequestCompleted':
    case 'RequestBackupClear':
    case 'BackupClearMoved':
      return evolveLifecycle(state, event)
    default:
      event satisfies never
      throw new Error(
        'the request stream holds an event this version does not know: upgrade before folding it',
      )
  }
}

function begin(received: RequestState['received']): RequestState {
  return {
    requestId: received.requestId,
    tenantId: received.tenantId,
    subjectRef: received.subjectRef,
    version: 1,
    status: 'PENDING',
    received,
    dueAt: received.dueAt,
    identity: null,
    review: null,
    resolutions: [],
    plan: null,
    awaitingApproval: null,
    approvals: [],
    runAt: null,
    holds: [],
    releasedHolds: [],
    passes: {},
    probes: {},
    tombstones: {},
    retries: {},
    firstGrantAt: null,
    failures: [],
    failure: null,
    partial: null,
    refusal: null,
    cancelled: null,
    extension: null,
    liveErasedAt: null,
    completedAt: null,
    backupClearAt: null,
    backupClear: false,
  }
}
