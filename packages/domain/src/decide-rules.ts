import { type Rejection, rejected } from './commands.js'
import type { RequestState } from './request-state.js'

/** Rules several decisions share. */

export function commandNeedsRequest(): Rejection {
  return rejected('not_found', 'there is no such request')
}

/** Refuses what a request that has ended can no longer do; null when it is open. */
export function unlessOpen(state: RequestState, what: string): Rejection | null {
  const ended = state.refusal !== null || state.cancelled !== null || state.completedAt !== null
  return ended ? rejected('illegal_transition', `a request that is ${state.status} cannot be ${what}`) : null
}
