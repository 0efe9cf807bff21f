import type { Decision } from '@lethe/domain'
import { problem } from '@lethe/service-host'

/** The events of a decision. @throws ProblemError with the decision's code when it was refused. */
export function decided(decision: Decision): Extract<Decision, { ok: true }>['events'] {
  if (decision.ok) return decision.events
  throw problem(decision.code, decision.detail)
}
