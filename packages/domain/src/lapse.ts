import type { RequestState } from './request-state.js'

/**
 * After a block (hold, approval, review) is lifted: what was not acknowledged before it gets no
 * grant any more, and the process manager opens a new pass in its place. What a vendor has taken
 * over (`deferred` is acknowledged) goes on: nothing of Lethe's could have stopped it.
 */
export function lapseUnacknowledged(state: RequestState): RequestState {
  const passes = Object.entries(state.passes).map(([passId, pass]) => [
    passId,
    pass.acknowledged === null ? { ...pass, lapsed: true } : pass,
  ])
  return { ...state, passes: Object.fromEntries(passes) }
}
