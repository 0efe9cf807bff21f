import { byHandOf } from './by-hand.js'
import { completion } from './completion.js'
import { blockedBy, type Facts, factsOf, type StepFacts, stepsOf } from './facts.js'
import { type Failure, IMMEDIATELY, phaseOf } from './phases.js'
import type { Policy } from './policy.js'
import { nextProbeId, probePhaseOf } from './probing.js'
import type { RequestEvent, RequestState } from './request-state.js'

/** Something the request does by itself at `at`, unless something else happens before. */
export interface AgendaItem {
  /** Epoch milliseconds; 0 is due whenever someone looks. */
  readonly at: number
  events(now: number): RequestEvent[]
}

/**
 * Everything the request will do by itself. `proceed` does what is due of it and `wakeAt` is its
 * earliest date, so that the two cannot disagree.
 */
export function agendaOf(state: RequestState, policy: Policy): AgendaItem[] {
  if (state.plan === null || blockedBy(state) !== null) return []
  if (state.refusal !== null || state.cancelled !== null) return []
  if (state.completedAt !== null) return clearing(state, policy)
  if (state.runAt === null) return [admission(state)]
  return erasing(state, policy)
}

/** After the plan: an approval where one is asked for, then the grace period. */
function admission(state: RequestState): AgendaItem {
  const { received } = state
  const wanted = received.approvalRequired || received.requesterRole === 'admin'
  if (wanted && !state.approvals.some((approval) => approval.reason === 'policy')) {
    return once((at) => ({ type: 'ApprovalRequested', data: { reason: 'policy', passId: null, at } }))
  }
  return once((at) => ({
    type: 'RequestScheduled',
    data: { runAt: Math.max(received.graceUntil ?? at, at), at },
  }))
}

const once = (event: (now: number) => RequestEvent): AgendaItem => ({
  at: IMMEDIATELY,
  events: (now) => [event(now)],
})

/** Backup-clear rests on dates, and on the keys being destroyed where that is tracked. */
function clearing(state: RequestState, policy: Policy): AgendaItem[] {
  if (state.backupClear || state.backupClearAt === null) return []
  const destroyed = policy.destroyedEpochs
  const epochs = Object.values(state.tombstones).map((tombstone) => tombstone.epoch)
  if (destroyed !== null && !epochs.every((epoch) => destroyed.includes(epoch))) return []
  return [{ at: state.backupClearAt, events: (at) => [{ type: 'RequestBackupClear', data: { at } }] }]
}

function erasing(state: RequestState, policy: Policy): AgendaItem[] {
  const facts = factsOf(state)
  const failed = new Set(state.failures.map((failure) => failure.systemId))
  const items: Item[] = [...facts.values()].flatMap((step) => stepItems(state, facts, step, failed, policy))
  // Nothing copies what a person erases by hand, so the probes of the others need not wait days for them.
  const over = [...facts.values()].every(
    (step) => step.settled || step.deferred || byHandOf(state, step.step.systemId) !== null,
  )
  if (over && state.partial === null) items.push(...probeItems(state, facts, failed, policy))
  if (state.partial === null && completion(state, facts, IMMEDIATELY, policy) !== null) {
    items.push({ at: IMMEDIATELY, events: (now) => completion(state, facts, now, policy) ?? [] })
  }
  // A question stops the request, so nothing else is begun in the same breath; one at a time.
  const question = items.find((item) => item.question)
  return question === undefined ? items : [question]
}

interface Item extends AgendaItem {
  readonly question?: true
}

function stepItems(
  state: RequestState,
  facts: Facts,
  step: StepFacts,
  failed: Set<string | null>,
  policy: Policy,
): Item[] {
  const { stepId, systemId } = step.step
  const phase = phaseOf(state, facts, step, policy)
  switch (phase.kind) {
    case 'settled':
    case 'waiting':
      return []
    case 'open': {
      const reason = phase.prefix === 'initial' ? 'initial' : nextReason(step, phase.prefix)
      const { ceilingWaived } = phase
      const pass = { stepId, systemId, passId: `${stepId}/${reason}`, reason, attempt: 1, ceilingWaived }
      return [{ at: phase.at, events: (at) => [{ type: 'PassRequested', data: { ...pass, at } }] }]
    }
    case 'emit': {
      const { passId, reason, ceilingWaived } = phase.pass
      const pass = { stepId, systemId, passId, reason, attempt: phase.pass.attempt + 1, ceilingWaived }
      return [{ at: phase.at, events: (at) => [{ type: 'PassRequested', data: { ...pass, at } }] }]
    }
    case 'ask': {
      const { passId } = phase.pass
      return [
        {
          at: IMMEDIATELY,
          question: true,
          events: (at) => [{ type: 'ApprovalRequested', data: { reason: 'over_ceiling', passId, at } }],
        },
      ]
    }
    case 'fail':
      return failure(systemId, phase.at, phase.failure, failed)
    default:
      return phase satisfies never
  }
}

/** `<prefix>-<n>`, counted per step. */
function nextReason(step: StepFacts, prefix: 'retry' | 'resume'): string {
  const before = step.passes.filter((pass) => pass.reason.startsWith(`${prefix}-`)).length
  return `${prefix}-${before + 1}`
}

/** One open failure per system; `failed` is added to, so that two steps do not both report. */
function failure(systemId: string, at: number, why: Failure, failed: Set<string | null>): Item[] {
  if (failed.has(systemId)) return []
  failed.add(systemId)
  return [{ at, events: (now) => [{ type: 'RequestFailed', data: { ...why, systemId, at: now } }] }]
}

function probeItems(state: RequestState, facts: Facts, failed: Set<string | null>, policy: Policy): Item[] {
  return (state.plan?.systems ?? []).flatMap(({ systemId }): Item[] => {
    if (byHandOf(state, systemId) !== null) return []
    const steps = stepsOf(facts, systemId)
    if (!steps.every((step) => step.settled)) return []
    const phase = probePhaseOf(state, systemId, steps, policy)
    switch (phase.kind) {
      case 'verified':
      case 'residue':
        return []
      case 'look': {
        const probe = { systemId, passId: nextProbeId(state, systemId), probeKind: phase.probeKind }
        return [{ at: phase.at, events: (at) => [{ type: 'ProbeRequested', data: { ...probe, at } }] }]
      }
      case 'fail':
        return failure(systemId, phase.at, phase.failure, failed)
      default:
        return phase satisfies never
    }
  })
}
