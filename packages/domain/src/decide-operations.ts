import { byHandOf } from './by-hand.js'
import { accepted, type Decision, type RequestCommand, rejected } from './commands.js'
import { unlessOpen } from './decide-rules.js'
import { blockedBy, factsOf, isClosed, probesOf, retainedParts, stepsOf } from './facts.js'
import { extendedDueAt } from './legal-clock.js'
import { phaseOf } from './phases.js'
import type { Policy } from './policy.js'
import { nextProbeId, probePhaseOf, settledAt } from './probing.js'
import type { RequestState } from './request-state.js'

/**
 * Extends the legal clock, once, within what the regime allows. The person must have been told
 * inside the first period (GDPR Art. 12(3), second and third sentence).
 */
export function decideExtend(
  state: RequestState,
  command: Extract<RequestCommand, { type: 'Extend' }>,
  now: number,
): Decision {
  const { by, newDueAt, notifiedAt, reasonRef } = command
  if (state.extension !== null) {
    const same = state.extension.newDueAt === newDueAt
    return same
      ? accepted()
      : rejected('illegal_transition', 'the clock was extended before; it can be extended once')
  }
  const closed = unlessOpen(state, 'extended')
  if (closed) return closed
  const { regime, receivedAt, dueAt } = state.received
  const latest = extendedDueAt(regime, receivedAt)
  if (latest === null) return rejected('illegal_transition', `the regime ${regime} knows no extension`)
  if (newDueAt <= dueAt || newDueAt > Math.max(latest, dueAt)) {
    return rejected(
      'illegal_transition',
      `the new date must lie after the old one and not after ${iso(latest)}`,
    )
  }
  if (notifiedAt > dueAt || notifiedAt < receivedAt || now > dueAt) {
    return rejected(
      'illegal_transition',
      'the person must be told of the extension before the first date has passed',
    )
  }
  return accepted({ type: 'RequestExtended', data: { by, newDueAt, notifiedAt, reasonRef, at: now } })
}

const iso = (time: number): string => new Date(time).toISOString()

/** Has a failed system tried again, or one that keeps something by law asked again before its date. */
export function decideRetry(
  state: RequestState,
  command: Extract<RequestCommand, { type: 'RetrySystem' }>,
  now: number,
  policy: Policy,
): Decision {
  const { systemId, by } = command
  const closed = unlessOpen(state, 'retried')
  if (closed) return closed
  if (!state.plan?.systems.some((system) => system.systemId === systemId)) {
    return rejected('not_found', 'the plan has no such system')
  }
  const block = blockedBy(state)
  if (block === 'hold') return rejected('on_hold', 'the request is on hold; release it first')
  if (block !== null)
    return rejected('second_approval_needed', 'the request waits for a person; decide that first')
  if (!canRetry(state, systemId, policy)) {
    return rejected('illegal_transition', 'the system has neither failed nor anything kept to try again')
  }
  return accepted({ type: 'RequestRetried', data: { systemId, by, at: now } })
}

/**
 * Has the probe of one system look again now, beside what the process manager does by itself. It only reads, so
 * neither a hold nor the end of the request is in its way; asked again while it looks, it looks once.
 */
export function decideReprobe(state: RequestState, systemId: string, now: number, policy: Policy): Decision {
  if (state.refusal !== null || state.cancelled !== null)
    return rejected('illegal_transition', 'nothing was erased, so there is nothing to look for')
  if (state.backupClear)
    return rejected('illegal_transition', 'what the person was called is destroyed: nobody can look any more')
  if (!state.plan?.systems.some((system) => system.systemId === systemId))
    return rejected('not_found', 'the plan has no such system')
  if (byHandOf(state, systemId) !== null)
    return rejected(
      'illegal_transition',
      'a person erases from this system by hand, and no probe can look into it',
    )
  const steps = stepsOf(factsOf(state), systemId)
  const over = steps.every((step) => (isClosed(state) ? step.done !== null : step.settled))
  if (steps.length === 0 || !over || settledAt(state, systemId, steps) > now)
    return rejected(
      'illegal_transition',
      'the system is not done erasing; its probe looks by itself afterwards, and a system that failed is retried',
    )
  const latest = probesOf(state, systemId).at(-1)
  if (latest?.reported === null && now < latest.requestedAt + policy.probeTimeoutMs) return accepted()
  const passId = nextProbeId(state, systemId)
  return accepted({ type: 'ProbeRequested', data: { passId, systemId, probeKind: 'recheck', at: now } })
}

function canRetry(state: RequestState, systemId: string, policy: Policy): boolean {
  if (state.runAt === null) return false
  const facts = factsOf(state)
  const steps = stepsOf(facts, systemId)
  if (state.partial !== null) return steps.some((step) => retainedParts(step).length > 0)
  if (state.failures.some((failure) => failure.systemId === systemId)) return true
  // A task that is open waits for its person, however long it still may.
  if (byHandOf(state, systemId) !== null) return false
  if (steps.some((step) => phaseOf(state, facts, step, policy).kind === 'fail')) return true
  return steps.every((step) => step.settled) && probePhaseOf(state, systemId, steps, policy).kind === 'fail'
}
