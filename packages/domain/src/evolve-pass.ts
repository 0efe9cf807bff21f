import type { log } from '@lethe/schemas'
import { withoutFailure } from './failures.js'
import { lapseUnacknowledged } from './lapse.js'
import { isDone, outcomeClass, supersedes } from './outcomes.js'
import type { PassState, RequestEvent, RequestState } from './request-state.js'

type PassEvent = Extract<
  RequestEvent,
  {
    type:
      | 'PassRequested'
      | 'GrantIssued'
      | 'PassAcknowledged'
      | 'TombstoneWritten'
      | 'TombstoneCollected'
      | 'TaskTaken'
      | 'TaskAttested'
  }
>

/** Commands, grants and acknowledgements. */
export function evolvePass(state: RequestState, event: PassEvent): RequestState {
  switch (event.type) {
    case 'PassRequested':
      return requested(state, event.data)
    case 'GrantIssued':
      return granted(state, event.data)
    case 'PassAcknowledged':
      return acknowledged(state, event.data)
    case 'TombstoneWritten':
      return tombstone(state, event.data)
    case 'TombstoneCollected':
      return collected(state, event.data)
    case 'TaskTaken':
      return granted(state, event.data)
    case 'TaskAttested':
      return attested(state, event.data)
    default:
      return event satisfies never
  }
}

function requested(state: RequestState, event: log.PassRequested): RequestState {
  const pass = state.passes[event.passId]
  if (pass !== undefined) {
    if (event.attempt <= pass.attempt) return state
    return withPass(state, { ...pass, attempt: event.attempt, requestedAt: event.at })
  }
  const opened: PassState = {
    passId: event.passId,
    stepId: event.stepId,
    systemId: event.systemId,
    reason: event.reason,
    seq: state.version + 1,
    demand: demandOf(state, event.stepId),
    attempt: event.attempt,
    requestedAt: event.at,
    ceilingWaived: event.ceilingWaived,
    waiverGranted: false,
    lapsed: false,
    grants: [],
    acknowledged: null,
  }
  return { ...withoutFailure(withPass(state, opened), event.systemId), partial: null }
}

/** A pass answers the demand of the one it replaces, until that demand is satisfied. */
function demandOf(state: RequestState, stepId: string): number {
  const passes = Object.values(state.passes).filter((pass) => pass.stepId === stepId)
  const latest = Math.max(0, ...passes.map((pass) => pass.demand))
  const satisfied = passes.some((pass) => pass.demand === latest && isDone(pass))
  return latest === 0 || satisfied ? latest + 1 : latest
}

function granted(state: RequestState, event: log.GrantIssued | log.TaskTaken): RequestState {
  const pass = known(state, event.passId)
  if (pass.grants.some((grant) => grant.grantId === event.grantId)) return state
  const grant = {
    grantId: event.grantId,
    attempt: event.attempt,
    issuedAt: event.at,
    expiresAt: event.expiresAt,
    ...('by' in event ? { by: event.by } : {}),
  }
  const next = withPass(state, { ...pass, grants: [...pass.grants, grant] })
  return { ...next, firstGrantAt: state.firstGrantAt ?? event.at }
}

function acknowledged(state: RequestState, event: log.PassAcknowledged): RequestState {
  const pass = known(state, event.passId)
  if (!supersedes(event, pass.acknowledged)) return state
  const next = withPass(state, { ...pass, acknowledged: event })
  if (outcomeClass(event.outcome) !== 'done') return next
  const recovered = withoutFailure(next, event.systemId)
  if (state.awaitingApproval?.passId !== event.passId) return recovered
  // The question was about a pass that is over now: nothing is left to decide.
  return lapseUnacknowledged({ ...recovered, awaitingApproval: null })
}

/** The pass is done, in the words every view and count reads; that nobody but a person says so stands beside it. */
function attested(state: RequestState, event: log.TaskAttested): RequestState {
  const pass = known(state, event.passId)
  const { grantId, systemId, stepId, passId, outcome, records, doneAt, at } = event
  const acknowledged: log.PassAcknowledged = {
    ackId: `attested ${passId}`,
    grantId,
    systemId,
    stepId,
    passId,
    attempt: pass.attempt,
    startedAt: Math.min(pass.grants.find((grant) => grant.grantId === grantId)?.issuedAt ?? doneAt, doneAt),
    finishedAt: doneAt,
    outcome,
    counts:
      records === 0
        ? {}
        : { records: { found: records, erased: records, redacted: 0, retained: 0, failed: 0 } },
    position: null,
    errorCode: null,
    errorClass: null,
    nextRetryAt: null,
    vendorRef: null,
    vendorExpectedAt: null,
    retained: [],
    expiring: null,
    connectorVersion: 'by hand',
    at,
  }
  if (!supersedes(acknowledged, pass.acknowledged)) return state
  return withoutFailure(withPass(state, { ...pass, acknowledged, attestation: event }), systemId)
}

function tombstone(state: RequestState, event: log.TombstoneWritten): RequestState {
  const current = state.tombstones[event.systemId]
  if (current !== undefined && current.sequence >= event.sequence) return state
  return { ...state, tombstones: { ...state.tombstones, [event.systemId]: event } }
}

function collected(state: RequestState, { systemId, sequence }: log.TombstoneCollected): RequestState {
  const { [systemId]: gone, ...tombstones } = state.tombstones
  return gone === undefined || gone.sequence >= sequence ? state : { ...state, tombstones }
}

function known(state: RequestState, passId: string): PassState {
  const pass = state.passes[passId]
  if (pass === undefined)
    throw new Error(`the stream of ${state.requestId} names pass ${passId} before requesting it`)
  return pass
}

function withPass(state: RequestState, pass: PassState): RequestState {
  return { ...state, passes: { ...state.passes, [pass.passId]: pass } }
}
