import type { RequestState } from './request-state.js'

/** Who has to do what next, where a person has to; null while the request goes on by itself or has ended. */
export interface Attention {
  readonly owner: string
  readonly nextStep: string
  readonly code: string
  readonly systemId: string | null
}

/** Every open state that time alone does not end has an owner and a next step. */
export function attention(state: RequestState): Attention | null {
  if (state.refusal !== null || state.cancelled !== null || state.completedAt !== null) return null
  if (state.holds.length > 0) {
    return {
      owner: 'privacy_officer',
      nextStep: 'release_when_the_hold_ends',
      code: 'on_hold',
      systemId: null,
    }
  }
  if (state.review !== null) {
    return {
      owner: 'privacy_officer',
      nextStep: 'decide_whom_it_is',
      code: state.review.code,
      systemId: null,
    }
  }
  if (state.awaitingApproval !== null) {
    const { reason, passId } = state.awaitingApproval
    const systemId = passId === null ? null : (state.passes[passId]?.systemId ?? null)
    return { owner: 'privacy_officer', nextStep: 'approve_or_refuse', code: reason, systemId }
  }
  if (state.failure !== null) {
    const { owner, nextStep, code, systemId } = state.failure
    return { owner, nextStep, code, systemId }
  }
  if (state.partial !== null) {
    return { owner: state.partial.owner, nextStep: state.partial.nextStep, code: 'retained', systemId: null }
  }
  return null
}
