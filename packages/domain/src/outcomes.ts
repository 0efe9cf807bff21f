import type { log } from '@lethe/schemas'
import type { PassState } from './request-state.js'

/** What an outcome means for the step: its work is over, a vendor has it, or it failed. */
export type OutcomeClass = 'done' | 'deferred' | 'failed'

export function outcomeClass(outcome: log.Outcome): OutcomeClass {
  switch (outcome) {
    case 'erased':
    case 'not_found':
    case 'redacted':
    case 'retained':
    case 'expiring':
      return 'done'
    case 'deferred':
      return 'deferred'
    case 'unsupported':
    case 'failed':
      return 'failed'
    default:
      return outcome satisfies never
  }
}

export const isDone = (pass: PassState): boolean =>
  pass.acknowledged !== null && outcomeClass(pass.acknowledged.outcome) === 'done'

export const isDeferred = (pass: PassState): boolean =>
  pass.acknowledged !== null && outcomeClass(pass.acknowledged.outcome) === 'deferred'

export const isFailed = (pass: PassState): boolean =>
  pass.acknowledged !== null && outcomeClass(pass.acknowledged.outcome) === 'failed'

/** The eraser stopped before it changed anything, because the pass would touch too much. */
export const isOverCeiling = (ack: log.PassAcknowledged | null): boolean =>
  ack?.outcome === 'failed' && ack.errorClass === 'paused' && ack.errorCode === 'over_ceiling'

/**
 * Whether `next` takes the place of `current` as the acknowledgement that counts. Acknowledgements
 * come twice, late and out of order, so this is an order and not a sequence: what the store did
 * (done) outranks what it failed to do; what is kept by law outranks what is gone, because an
 * exemption must never be hidden; among what is not done the later attempt knows more, and within
 * one attempt a vendor's promise outranks a failure.
 */
export function supersedes(
  next: Pick<log.PassAcknowledged, 'outcome' | 'attempt'>,
  current: log.PassAcknowledged | null,
): boolean {
  if (current === null) return true
  const rank = ackRank(next.outcome) - ackRank(current.outcome)
  if (rank !== 0) return rank > 0
  if (ackRank(next.outcome) > 0) return false
  if (next.attempt !== current.attempt) return next.attempt > current.attempt
  return outcomeClass(next.outcome) === 'deferred' && outcomeClass(current.outcome) === 'failed'
}

function ackRank(outcome: log.Outcome): number {
  if (outcomeClass(outcome) !== 'done') return 0
  return outcome === 'retained' ? 2 : 1
}

/** The same for two reports of one probe: residue outranks clean, and both outrank not knowing. */
export function outranks(next: log.ProbeResult, current: log.ProbeResult | null): boolean {
  return current === null || probeRank(next) > probeRank(current)
}

function probeRank(result: log.ProbeResult): number {
  switch (result) {
    case 'inconclusive':
      return 0
    case 'clean':
      return 1
    case 'residual':
      return 2
    default:
      return result satisfies never
  }
}
