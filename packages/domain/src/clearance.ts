import { byHandOf } from './by-hand.js'
import type { IssueGrant } from './commands.js'
import { blockedBy, factsOf, isClosed } from './facts.js'
import type { Policy } from './policy.js'
import type { ProblemCode } from './problem-code.js'
import type { PassState, RequestState } from './request-state.js'

/** The answer just before erasing. `never`: do not ask again. `not_now`: a block or a bound; ask later. */
export type Clearance =
  | { readonly decision: 'go'; readonly pass: PassState }
  | { readonly decision: 'never' | 'not_now'; readonly code: ProblemCode; readonly detail: string }

const never = (code: ProblemCode, detail: string): Clearance => ({ decision: 'never', code, detail })
const notNow = (code: ProblemCode, detail: string): Clearance => ({ decision: 'not_now', code, detail })

/** Fails closed: whatever is not known to be wanted right now gets no `go`. */
export function clearance(
  state: RequestState | null,
  asked: Pick<IssueGrant, 'systemId' | 'stepId' | 'passId' | 'attempt'>,
  policy: Policy,
): Clearance {
  const pass = state?.passes[asked.passId]
  if (state === null || pass === undefined) return never('not_found', 'no such pass was requested')
  if (pass.systemId !== asked.systemId || pass.stepId !== asked.stepId) {
    return never('not_found', 'the pass is of another system')
  }
  if (byHandOf(state, pass.systemId) !== null) {
    return never('illegal_transition', 'a person erases from this system, and no eraser')
  }
  if (!(asked.attempt >= 1 && asked.attempt <= pass.attempt)) {
    return never('not_found', 'this attempt was never emitted')
  }
  if (isClosed(state)) return never('illegal_transition', `the request is ${state.status}`)
  const finished = finishedBecause(state, pass, asked.attempt)
  if (finished !== null) return never('illegal_transition', finished)
  const block = blockOf(state)
  if (block !== null) return notNow(block.code, block.detail)
  const issued = pass.grants.filter((grant) => grant.attempt === asked.attempt).length
  if (issued >= policy.maxGrantsPerAttempt) {
    return notNow('grant_invalid', 'this attempt has had its share of grants; wait for the next')
  }
  return { decision: 'go', pass }
}

/** What stops everything of the request until a person acts, as it is told to who wants to erase. */
export function blockOf(state: RequestState): { readonly code: ProblemCode; readonly detail: string } | null {
  const block = blockedBy(state)
  switch (block) {
    case 'hold':
      return { code: 'on_hold', detail: 'the request is on hold' }
    case 'approval':
      return { code: 'second_approval_needed', detail: 'the request waits for an approval' }
    case 'review':
      return { code: 'ambiguous_subject', detail: 'the request waits for a decision about the person' }
    case null:
      return null
    default:
      return block satisfies never
  }
}

function finishedBecause(state: RequestState, pass: PassState, attempt: number): string | null {
  if (pass.lapsed) return 'the pass was blocked; a new one takes its place'
  const step = factsOf(state).get(pass.stepId)
  if (step?.current?.passId !== pass.passId) return 'another pass of the step has taken its place'
  if (step.done !== null) return 'the step is done'
  const ack = pass.acknowledged
  if (ack === null) return null
  return ack.outcome === 'deferred' && attempt > ack.attempt ? null : 'the pass is acknowledged'
}
