import { accepted, type Decision, type RequestCommand, rejected } from './commands.js'
import { isClosed, isVerified } from './facts.js'
import { isDone } from './outcomes.js'
import type { PassState, ProbeState, RequestState } from './request-state.js'

/** Code of the failure a request shows while one of its reports lies in the dead letters. */
export const REPORT_DEAD_LETTERED = 'report_dead_lettered'

/**
 * A genuine report of an eraser or probe could not be recorded and was put aside. The request says so at
 * once, instead of when its patience ends, as long as it still waits for that report. A report folded later
 * clears the failure. Accepted without events when the answer is known by now, or when it was said before.
 */
export function decideDeadLetter(
  state: RequestState,
  { systemId, passId, grantId }: Extract<RequestCommand, { type: 'ReportDeadLetter' }>,
  now: number,
): Decision {
  const pass = state.passes[passId]
  const probe = state.probes[passId]
  if ((pass ?? probe)?.systemId !== systemId)
    return rejected('not_found', 'the report in the dead letters is of no pass or probe of this request')
  if (pass !== undefined && !pass.grants.some((grant) => grant.grantId === grantId))
    return rejected('grant_invalid', 'the acknowledgement in the dead letters carries no grant of its pass')
  if (isClosed(state) || isAnswered(state, pass, probe)) return accepted()
  const said = state.failures.some(
    (failure) => failure.systemId === systemId && failure.code === REPORT_DEAD_LETTERED,
  )
  if (said) return accepted()
  const failure = { code: REPORT_DEAD_LETTERED, owner: 'operator', nextStep: 'redrive_dead_letter' }
  return accepted({ type: 'RequestFailed', data: { ...failure, systemId, at: now } })
}

/** Whether another report has told what this one would have. */
function isAnswered(
  state: RequestState,
  pass: PassState | undefined,
  probe: ProbeState | undefined,
): boolean {
  if (pass === undefined)
    return probe !== undefined && (probe.reported !== null || isVerified(state, probe.systemId))
  return Object.values(state.passes).some(
    (other) => other.stepId === pass.stepId && other.demand === pass.demand && isDone(other),
  )
}
