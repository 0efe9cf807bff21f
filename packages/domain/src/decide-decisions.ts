import { accepted, type Decision, type RequestCommand, rejected } from './commands.js'
import { unlessOpen } from './decide-rules.js'
import { isOverCeiling } from './outcomes.js'
import type { RequestState } from './request-state.js'

/**
 * Approves what is waited for: an open review of nobody found, or the approval that was asked for.
 * Identity, policy and ceiling need a second pair of eyes; the ceiling also other eyes than the first
 * approval.
 */
export function decideApprove(state: RequestState, by: string, now: number): Decision {
  const closed = unlessOpen(state, 'approved')
  if (closed) return closed
  if (state.review !== null) return approveIdentity(state, by, now)
  const asked = state.awaitingApproval
  if (asked === null) {
    const before = state.approvals.some((approval) => approval.by === by)
    return before ? accepted() : rejected('illegal_transition', 'no approval is waited for')
  }
  if (asked.reason !== 'not_found_everywhere' && by === state.received.requestedBy) return ownRequest()
  const approvedBefore = state.approvals.some(
    (approval) => approval.by === by && (approval.reason === 'policy' || approval.reason === 'identity'),
  )
  if (asked.reason === 'over_ceiling' && approvedBefore) {
    return rejected(
      'second_approval_needed',
      'who approved the request cannot lift its ceiling; ask another approver',
    )
  }
  return accepted({ type: 'RequestApproved', data: { reason: asked.reason, by, at: now } })
}

const ownRequest = (): Decision =>
  rejected('second_approval_needed', 'who requested an erasure cannot approve it; ask another approver')

function approveIdentity(state: RequestState, by: string, now: number): Decision {
  if (by === state.received.requestedBy) return ownRequest()
  if ((state.review?.candidates ?? 0) > 1) {
    const detail = 'the identifiers lead to more than one person; refuse, or name the one who is meant'
    return rejected('ambiguous_subject', detail)
  }
  return accepted({ type: 'RequestApproved', data: { reason: 'identity', by, at: now } })
}

/**
 * Settles an identity review by naming who is meant, before the plan or at the first step. It is an
 * approval, so later searches that find more people again do not ask again.
 */
export function decideNaming(
  state: RequestState,
  { by, found }: Extract<RequestCommand, { type: 'NameSubject' }>,
  now: number,
): Decision {
  const closed = unlessOpen(state, 'approved')
  if (closed) return closed
  if (state.review === null) {
    return rejected('illegal_transition', 'identifiers can be named only while identity is in review')
  }
  if (by === state.received.requestedBy) return ownRequest()
  const occasion = state.plan === null ? 'plan' : 'first_step'
  return accepted(
    { type: 'RequestApproved', data: { reason: 'identity', by, at: now } },
    { type: 'IdentifiersResolved', data: { found, rounds: 0, occasion, at: now } },
  )
}

/** Allowed while nothing was erased: a refusal says that the person's data stays. */
export function decideRefuse(
  state: RequestState,
  command: Extract<RequestCommand, { type: 'Refuse' }>,
  now: number,
): Decision {
  if (state.refusal !== null) return accepted()
  const closed = unlessOpen(state, 'refused')
  if (closed) return closed
  if (!nothingErased(state)) {
    return rejected('illegal_transition', 'something was erased or may have been; hold the request instead')
  }
  const { by, ground, citation } = command
  return accepted({ type: 'RequestRefused', data: { by, ground, citation, at: now } })
}

/** Every grant is answered, and every answer says that nothing was changed. */
function nothingErased(state: RequestState): boolean {
  return Object.values(state.passes).every((pass) => {
    if (pass.grants.length === 0) return true
    const ack = pass.acknowledged
    return (ack?.outcome === 'not_found' || isOverCeiling(ack)) && pass.grants.length === 1
  })
}

export function decideCancel(state: RequestState, by: string, now: number): Decision {
  if (state.cancelled !== null) return accepted()
  const closed = unlessOpen(state, 'cancelled')
  if (closed) return closed
  if (state.firstGrantAt !== null) {
    return rejected('illegal_transition', 'erasing has begun and cannot be undone; hold the request instead')
  }
  return accepted({ type: 'RequestCancelled', data: { by, at: now } })
}
