import type { log } from '@lethe/schemas'
import type { RequestState } from './request-state.js'

export function withFailure(state: RequestState, failure: log.RequestFailed): RequestState {
  const others = state.failures.filter((other) => other.systemId !== failure.systemId)
  return { ...state, failures: [...others, failure], failure }
}

/** Something of the system goes on; if its trouble remains the process manager says so again. */
export function withoutFailure(state: RequestState, systemId: string): RequestState {
  const failures = state.failures.filter((failure) => failure.systemId !== systemId)
  return { ...state, failures, failure: failures.at(-1) ?? null }
}
