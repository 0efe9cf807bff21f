import type { RequestState } from '@lethe/domain'
import { type ProblemError, problem } from '@lethe/service-host'
import { type Action, type Caller, inScope } from '../domain/permissions.js'

/** @throws ProblemError `not_found`, the same for what does not exist and for what is another tenant's. */
export function visible(state: RequestState | null, caller: Caller): RequestState {
  if (state === null || !inScope(caller, state.tenantId)) {
    throw problem('not_found', 'There is no such request among those of your tenants. Check the id.')
  }
  return state
}

export const forbidden = (action: Action): ProblemError =>
  problem('forbidden', `None of your credential's roles may ${action.replace('_', ' ')} here.`)

export function assertTenant(caller: Caller, tenantId: string): void {
  if (inScope(caller, tenantId)) return
  throw problem('unknown_tenant', 'tenantId names no tenant of your credential.')
}
