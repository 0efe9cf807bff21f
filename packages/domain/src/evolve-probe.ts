import { withoutFailure } from './failures.js'
import { outranks } from './outcomes.js'
import type { ProbeState, RequestEvent, RequestState } from './request-state.js'

type ProbeEvent = Extract<RequestEvent, { type: 'ProbeRequested' | 'ProbeReported' }>

/** Verification. */
export function evolveProbe(state: RequestState, event: ProbeEvent): RequestState {
  switch (event.type) {
    case 'ProbeRequested': {
      const { passId, systemId, probeKind, at } = event.data
      if (state.probes[passId] !== undefined) return state
      const probe = { passId, systemId, probeKind, seq: state.version + 1, requestedAt: at, reported: null }
      return withoutFailure(withProbe(state, probe), systemId)
    }
    case 'ProbeReported': {
      const { passId, systemId, result } = event.data
      const probe = state.probes[passId]
      if (probe === undefined)
        throw new Error(`the stream of ${state.requestId} names probe ${passId} before requesting it`)
      if (!outranks(result, probe.reported?.result ?? null)) return state
      const next = withProbe(state, { ...probe, reported: event.data })
      return result === 'clean' ? withoutFailure(next, systemId) : next
    }
    default:
      return event satisfies never
  }
}

function withProbe(state: RequestState, probe: ProbeState): RequestState {
  return { ...state, probes: { ...state.probes, [probe.passId]: probe } }
}
