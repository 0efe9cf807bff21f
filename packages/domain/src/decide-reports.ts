import type { log } from '@lethe/schemas'
import { byHandOf } from './by-hand.js'
import { accepted, type Decision, rejected } from './commands.js'
import { outranks, supersedes } from './outcomes.js'
import type { RequestState } from './request-state.js'

/**
 * Records an acknowledgement, in whatever state the request is: what a store did is a fact. It must
 * carry a grant of that pass and attempt; the grant's expiry limits starting, never acknowledging.
 * Duplicates, and what says less than what is known, are accepted without events.
 */
export function decideAcknowledge(
  state: RequestState,
  ack: Omit<log.PassAcknowledged, 'at'>,
  now: number,
): Decision {
  const pass = state.passes[ack.passId]
  const granted = pass?.grants.some((grant) => grant.grantId === ack.grantId && grant.attempt === ack.attempt)
  if (pass === undefined || !granted || pass.systemId !== ack.systemId || pass.stepId !== ack.stepId) {
    return rejected('grant_invalid', 'the acknowledgement does not carry a grant of its pass and attempt')
  }
  if (byHandOf(state, pass.systemId) !== null) {
    return rejected('grant_invalid', 'a person says what came of this pass, and no eraser')
  }
  if (pass.acknowledged?.ackId === ack.ackId || !supersedes(ack, pass.acknowledged)) return accepted()
  // A completed request keeps the counts it was certified with, save of a pass that never answered.
  if (state.completedAt !== null && pass.acknowledged !== null) return accepted()
  return accepted({ type: 'PassAcknowledged', data: { ...ack, at: now } })
}

/** Records what a probe found; residue told late outranks an earlier clean, but never un-completes. */
export function decideProbeReport(
  state: RequestState,
  report: Omit<log.ProbeReported, 'at'>,
  now: number,
): Decision {
  const probe = state.probes[report.passId]
  if (probe === undefined || probe.systemId !== report.systemId) {
    return rejected('not_found', 'no such probe was requested')
  }
  if (probe.reported?.reportId === report.reportId) return accepted()
  if (!outranks(report.result, probe.reported?.result ?? null)) return accepted()
  return accepted({ type: 'ProbeReported', data: { ...report, at: now } })
}
