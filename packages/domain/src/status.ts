import { factsOf } from './facts.js'
import type { RequestState, RequestStatus } from './request-state.js'

/**
 * The status a state has, from what happened alone. Endings come first, so that nothing late can
 * undo them; then what a person must act on; then how far the work is.
 */
export function statusOf(state: RequestState): RequestStatus {
  if (state.refusal !== null) return 'REFUSED'
  if (state.cancelled !== null) return 'CANCELLED'
  if (state.completedAt !== null) return 'COMPLETED'
  if (state.holds.length > 0) return 'ON_HOLD'
  if (state.review !== null) return 'AWAITING_IDENTITY'
  if (state.awaitingApproval !== null) return 'AWAITING_APPROVAL'
  if (state.failures.length > 0) return 'FAILED'
  if (state.partial !== null) return 'PARTIALLY_COMPLETED'
  if (state.runAt === null) return 'PENDING'
  if (Object.keys(state.passes).length === 0) return 'SCHEDULED'
  for (const step of factsOf(state).values()) {
    if (!step.settled) return 'IN_PROGRESS'
  }
  return 'AWAITING_VERIFICATION'
}
