import type { log } from '@lethe/schemas'
import { planProblem } from './check-plan.js'
import { accepted, type Decision, type RequestCommand, rejected } from './commands.js'
import { unlessOpen } from './decide-rules.js'
import type { RequestState } from './request-state.js'

type Command<T extends RequestCommand['type']> = Extract<RequestCommand, { type: T }>

export function decideReceive(state: RequestState | null, command: Command<'Receive'>): Decision {
  if (state !== null) return rejected('duplicate_request', 'this request was received before')
  const { received, identity } = command
  if (!(received.dueAt > received.receivedAt)) {
    return rejected('illegal_transition', 'a request must be due after it was received')
  }
  return accepted({ type: 'RequestReceived', data: received }, { type: 'IdentityAttested', data: identity })
}

/** Nobody, or more than one person: allowed until the first grant, and stops everything until then. */
export function decideIdentityReview(
  state: RequestState,
  command: Command<'OpenIdentityReview'>,
  now: number,
): Decision {
  const closed = unlessOpen(state, 'reviewed')
  if (closed) return closed
  if (state.review?.code === command.code && state.review.candidates === command.candidates) return accepted()
  if (state.firstGrantAt !== null) {
    return rejected('illegal_transition', 'erasing has begun; hold the request instead')
  }
  const { code, candidates } = command
  return accepted({ type: 'IdentityReviewOpened', data: { code, candidates, at: now } })
}

export function decideResolution(
  state: RequestState,
  command: Command<'RecordResolution'>,
  now: number,
): Decision {
  const closed = unlessOpen(state, 'resolved')
  if (closed) return closed
  const { found, rounds, occasion } = command
  if ((occasion === 'plan') !== (state.plan === null)) {
    if (occasion === 'plan') return accepted()
    return rejected('illegal_transition', 'the first step cannot start before the plan is frozen')
  }
  const repeated = state.resolutions.some((resolution) => resolution.occasion === occasion)
  if (repeated && state.review === null && occasion === 'first_step') return accepted()
  return accepted({ type: 'IdentifiersResolved', data: { found, rounds, occasion, at: now } })
}

export function decidePlan(state: RequestState, plan: Omit<log.PlanFrozen, 'at'>, now: number): Decision {
  const closed = unlessOpen(state, 'planned')
  if (closed) return closed
  if (state.plan !== null) {
    const same = state.plan.mapVersion === plan.mapVersion && state.plan.mapDigest === plan.mapDigest
    return same
      ? accepted()
      : rejected('illegal_transition', 'the plan is frozen; a new map needs a new request')
  }
  if (state.review !== null) {
    return rejected('ambiguous_subject', 'a person must first decide whom the identifiers lead to')
  }
  const problem = planProblem(plan)
  if (problem !== null) return rejected('map_invalid', problem)
  return accepted({ type: 'PlanFrozen', data: { ...plan, at: now } })
}
