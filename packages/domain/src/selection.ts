import { isDone } from './outcomes.js'
import { defaultPolicy, type Policy } from './policy.js'
import type { RequestState } from './request-state.js'

/**
 * Whether a pass may select by every identifier, an e-mail address too, or by surrogate ids only. Every
 * identifier is for the erasure that was asked for, until it has succeeded once: whoever is found by an
 * address after that, or long after erasing began, may be someone who signed up again (invariant 16).
 * ADR 0011 has the reasons. `now` is epoch milliseconds.
 */
export function selectsByEverything(
  state: RequestState,
  passId: string,
  now: number,
  policy: Policy = defaultPolicy,
): boolean {
  const pass = state.passes[passId]
  if (pass === undefined) return false
  const ofStep = Object.values(state.passes).filter(({ stepId }) => stepId === pass.stepId)
  if (!ofStep.every(({ reason }) => /^(initial|retry-\d+)$/.test(reason)) || ofStep.some(isDone)) return false
  return now - (state.firstGrantAt ?? now) <= policy.everyIdentifierMs
}
