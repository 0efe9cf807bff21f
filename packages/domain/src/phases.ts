import type { log } from '@lethe/schemas'
import { byHandOf } from './by-hand.js'
import {
  type Facts,
  isResidual,
  lastSteps,
  probesOf,
  ready,
  retainedParts,
  type StepFacts,
  sourcesOf,
} from './facts.js'
import { isDeferred, isFailed, isOverCeiling } from './outcomes.js'
import { backoff, type Policy } from './policy.js'
import type { PassState, RequestState } from './request-state.js'

/** What a step waits for, and what happens at `at` if nothing else happens before. */
export type StepPhase =
  | { readonly kind: 'settled' }
  | { readonly kind: 'waiting' }
  /** A new pass. */
  | {
      readonly kind: 'open'
      readonly at: number
      readonly prefix: PassPrefix
      readonly ceilingWaived: boolean
    }
  /** The same pass, one attempt more. */
  | { readonly kind: 'emit'; readonly at: number; readonly pass: PassState }
  /** A second approver must look at a pass that would touch too much. */
  | { readonly kind: 'ask'; readonly pass: PassState }
  | { readonly kind: 'fail'; readonly at: number; readonly failure: Failure }

export type PassPrefix = 'initial' | 'retry' | 'resume'

export interface Failure {
  readonly code: string
  readonly owner: string
  readonly nextStep: string
}

/** Due whenever someone looks: earlier than any clock. */
export const IMMEDIATELY = 0

const waiting: StepPhase = { kind: 'waiting' }

export function phaseOf(state: RequestState, facts: Facts, step: StepFacts, policy: Policy): StepPhase {
  if (step.settled) return resumption(state, step, policy)
  if (!ready(facts, step.step)) return waiting
  if (step.done !== null) return repetition(state, facts, step, policy)
  if (step.current === null) return open('initial', state.runAt ?? IMMEDIATELY)
  return pursuit(state, step, step.current, policy)
}

function open(prefix: PassPrefix, at: number, ceilingWaived = false): StepPhase {
  return { kind: 'open', at, prefix, ceilingWaived }
}

const fail = (at: number, code: string, owner: Failure['owner'], nextStep: string): StepPhase => ({
  kind: 'fail',
  at,
  failure: { code, owner, nextStep },
})

/** What is kept by law is taken up again at its date, once the rest of the request is over. */
function resumption(state: RequestState, step: StepFacts, policy: Policy): StepPhase {
  const parts = retainedParts(step)
  if (state.partial === null || parts.length === 0) return { kind: 'settled' }
  if (retriedSince(state, step)) return open('resume', IMMEDIATELY)
  const recordedAt = step.passes.at(-1)?.acknowledged?.at ?? 0
  const dates = parts.flatMap((part) => (part.until === null ? [] : [part.until]))
  if (dates.length === 0) return { kind: 'settled' }
  const date = Math.min(...dates)
  // A store that keeps what it should have given up already is asked again, but not in a tight loop.
  return open('resume', date > recordedAt ? date : recordedAt + policy.maxRequestedWaitMs)
}

/** The step was done, and a probe found residue or a source it copies was erased again. */
function repetition(state: RequestState, facts: Facts, step: StepFacts, policy: Policy): StepPhase {
  const base = state.retries[step.step.systemId] ?? 0
  const residual = probesOf(state, step.step.systemId).filter(
    (probe) => isResidual(probe) && probe.seq > base,
  )
  if (step.residue && residual.length >= policy.maxProbeRounds) {
    return fail(IMMEDIATELY, 'residual', 'operator', 'check_data_map_then_retry')
  }
  if (!step.stale) return open('retry', IMMEDIATELY)
  const sources = sourceSteps(state, facts, step.step.systemId)
  if (!sources.every((source) => source.settled || source.deferred)) return waiting
  const resumed = sources.some((source) => source.passes.at(-1)?.reason.startsWith('resume-'))
  return open(resumed ? 'resume' : 'retry', IMMEDIATELY)
}

function sourceSteps(state: RequestState, facts: Facts, systemId: string): StepFacts[] {
  if (state.plan === null) return []
  const last = lastSteps(state.plan)
  return sourcesOf(state.plan, systemId).flatMap((source) => facts.get(last.get(source) ?? '') ?? [])
}

/** A pass was requested and its work is not over. */
function pursuit(state: RequestState, step: StepFacts, pass: PassState, policy: Policy): StepPhase {
  const waived = step.group.some((other) => other.ceilingWaived || other.waiverGranted)
  const retried = retriedSince(state, step)
  const ack = pass.acknowledged
  if (ack === null && pass.lapsed) return open('retry', IMMEDIATELY, waived)
  const task = byHandOf(state, pass.systemId)
  if (task !== null) return retried ? open('retry', IMMEDIATELY) : overdue(pass, task)
  if (ack === null || isDeferred(pass)) {
    const phase =
      ack === null || pass.attempt > ack.attempt ? patience(pass, policy) : poll(pass, ack, policy)
    return phase.kind === 'fail' && retried ? open('retry', IMMEDIATELY, waived) : phase
  }
  if (isOverCeiling(ack)) {
    return pass.waiverGranted ? open('retry', IMMEDIATELY, true) : { kind: 'ask', pass }
  }
  if (retried) return open('retry', IMMEDIATELY, waived)
  return retry(state, step, ack, waived, policy)
}

/** A person is not told twice: the task stands open, and after its time somebody has to see to it. */
function overdue(pass: PassState, { role, withinMs }: log.ByHand): StepPhase {
  return fail(pass.requestedAt + withinMs, 'task_overdue', role, 'do_task_then_mark_done')
}

/** Silence: the command is emitted again, a bounded number of times. */
function patience(pass: PassState, policy: Policy): StepPhase {
  const emitted = pass.attempt - (pass.acknowledged?.attempt ?? 0)
  const lastSign = Math.max(pass.requestedAt, ...pass.grants.map((grant) => grant.expiresAt))
  const at = lastSign + backoff(policy.passTimeoutMs, emitted - 1, policy)
  if (emitted < policy.maxAttempts) return { kind: 'emit', at, pass }
  return fail(at, 'no_acknowledgement', 'operator', 'check_eraser_then_retry')
}

/** A vendor has the job; the process manager has the eraser ask how it stands. */
function poll(pass: PassState, ack: log.PassAcknowledged, policy: Policy): StepPhase {
  const earliest = ack.at + policy.deferredPollMs
  const expected = ack.nextRetryAt ?? ack.vendorExpectedAt ?? earliest
  const at = Math.max(earliest, Math.min(expected, ack.at + policy.maxRequestedWaitMs))
  if (pass.attempt < policy.maxDeferredPolls) return { kind: 'emit', at, pass }
  return fail(at, 'deferred_overdue', 'operator', 'ask_vendor_then_retry')
}

function retry(
  state: RequestState,
  step: StepFacts,
  ack: log.PassAcknowledged,
  waived: boolean,
  policy: Policy,
): StepPhase {
  if (ack.outcome === 'unsupported') {
    return fail(IMMEDIATELY, 'unsupported', 'privacy_officer', 'erase_by_hand_or_change_data_map')
  }
  if (ack.errorClass === 'paused') {
    return fail(IMMEDIATELY, ack.errorCode ?? 'paused', 'operator', 'resolve_cause_then_retry')
  }
  if (ack.errorClass === 'terminal') {
    return fail(IMMEDIATELY, ack.errorCode ?? 'terminal', 'operator', 'resolve_cause_then_retry')
  }
  const base = state.retries[step.step.systemId] ?? 0
  const failures = step.group.filter((pass) => isFailed(pass) && pass.seq > base).length
  if (failures > policy.maxRetries) {
    return fail(IMMEDIATELY, ack.errorCode ?? 'retries_exhausted', 'operator', 'check_system_then_retry')
  }
  const asked = Math.min(ack.nextRetryAt ?? 0, ack.at + policy.maxRequestedWaitMs)
  const at = Math.max(asked, ack.at + backoff(policy.retryBackoffMs, failures - 1, policy))
  return open('retry', at, waived)
}

/** A person had the system tried again after the step's latest pass. */
function retriedSince(state: RequestState, step: StepFacts): boolean {
  return (state.retries[step.step.systemId] ?? 0) > (step.passes.at(-1)?.seq ?? Number.MAX_SAFE_INTEGER)
}
