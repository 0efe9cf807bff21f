import { accepted, type Decision, type RequestCommand } from './commands.js'
import { decideCollect } from './decide-collect.js'
import { decideDeadLetter } from './decide-dead-letter.js'
import { decideApprove, decideCancel, decideNaming, decideRefuse } from './decide-decisions.js'
import { decideGrant } from './decide-grant.js'
import { decideHold, decideRelease } from './decide-hold.js'
import { decideImport } from './decide-import.js'
import { decideIdentityReview, decidePlan, decideReceive, decideResolution } from './decide-intake.js'
import { decideKeepLonger } from './decide-keep.js'
import { decideExtend, decideReprobe, decideRetry } from './decide-operations.js'
import { decideAcknowledge, decideProbeReport } from './decide-reports.js'
import { decideReseal, decideShredded } from './decide-reseal.js'
import { commandNeedsRequest } from './decide-rules.js'
import { decideAttest, decideTake } from './decide-task.js'
import { fold } from './evolve.js'
import { defaultPolicy, type Policy } from './policy.js'
import { proceed } from './proceed.js'
import type { RequestState } from './request-state.js'

/**
 * What a command leads to: its own events and, after them, everything the process manager may do
 * because of them, so that one transaction moves the request as far as it can go. A command told
 * twice is accepted without events. `now` is epoch milliseconds; nothing here reads a clock.
 */
export function decide(
  state: RequestState | null,
  command: RequestCommand,
  now: number,
  policy: Policy = defaultPolicy,
): Decision {
  if (command.type === 'Proceed') {
    return state === null ? commandNeedsRequest() : accepted(...proceed(state, now, policy))
  }
  const decision = decideAlone(state, command, now, policy)
  if (!decision.ok || decision.events.length === 0) return decision
  const after = fold(decision.events, state)
  return accepted(...decision.events, ...proceed(after, now, policy))
}

type Told = Exclude<RequestCommand, { type: 'Proceed' }>

function decideAlone(state: RequestState | null, command: Told, now: number, policy: Policy): Decision {
  if (command.type === 'Receive') return decideReceive(state, command)
  if (command.type === 'Import') return decideImport(state, command, now)
  if (state === null) return commandNeedsRequest()
  switch (command.type) {
    case 'OpenIdentityReview':
      return decideIdentityReview(state, command, now)
    case 'RecordResolution':
      return decideResolution(state, command, now)
    case 'NameSubject':
      return decideNaming(state, command, now)
    case 'FreezePlan':
      return decidePlan(state, command.plan, now)
    case 'Approve':
      return decideApprove(state, command.by, now)
    case 'Refuse':
      return decideRefuse(state, command, now)
    case 'Cancel':
      return decideCancel(state, command.by, now)
    case 'Hold':
      return decideHold(state, command, now)
    case 'Release':
      return decideRelease(state, command, now)
    case 'Extend':
      return decideExtend(state, command, now)
    case 'ReportDeadLetter':
      return decideDeadLetter(state, command, now)
    case 'RetrySystem':
      return decideRetry(state, command, now, policy)
    case 'Reprobe':
      return decideReprobe(state, command.systemId, now, policy)
    case 'Reseal':
      return decideReseal(state, command, now)
    case 'Collect':
      return decideCollect(state, command.systemIds, now)
    case 'KeepLonger':
      return decideKeepLonger(state, command, now, policy)
    case 'ConfirmShredded':
      return decideShredded(state, now)
    case 'IssueGrant':
      return decideGrant(state, command, now, policy)
    case 'TakeTask':
      return decideTake(state, command, now, policy)
    case 'AttestTask':
      return decideAttest(state, command, now)
    case 'Acknowledge':
      return decideAcknowledge(state, command.ack, now)
    case 'ReportProbe':
      return decideProbeReport(state, command.report, now)
    default:
      return command satisfies never
  }
}
