import { lapseUnacknowledged } from './lapse.js'
import type { RequestEvent, RequestState } from './request-state.js'

type IdentityEvent = Extract<
  RequestEvent,
  { type: 'IdentityAttested' | 'IdentityReviewOpened' | 'IdentifiersResolved' | 'PlanFrozen' }
>

/** Who the person is, and where the plan says they are. */
export function evolveIdentity(state: RequestState, event: IdentityEvent): RequestState {
  switch (event.type) {
    case 'IdentityAttested':
      return { ...state, identity: event.data }
    case 'IdentityReviewOpened':
      return { ...state, review: event.data }
    case 'IdentifiersResolved': {
      const resolutions = [
        ...state.resolutions.filter((resolution) => resolution.occasion !== event.data.occasion),
        event.data,
      ]
      const next = { ...state, resolutions, review: null }
      return state.review === null ? next : lapseUnacknowledged(next)
    }
    case 'PlanFrozen':
      return { ...state, plan: event.data }
    default:
      return event satisfies never
  }
}
