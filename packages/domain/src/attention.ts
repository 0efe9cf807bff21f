import { byHandOf } from './by-hand.js'
import { currentProbes, factsOf, isResidual, probesOf } from './facts.js'
import type { RequestState } from './request-state.js'

/** Who has to do what next, where a person has to; null while the request goes on by itself or has ended. */
export interface Attention {
  readonly owner: string
  readonly nextStep: string
  readonly code: string
  readonly systemId: string | null
  /** What the system's probe said it could not do, as a code of its connector; present only where a probe is why. */
  readonly reason?: string
}

/** A code, never a text: a store's own words quote rows. */
const CODE = /^[a-z][a-z0-9_]{0,59}$/

/**
 * Every open state that time alone does not end has an owner and a next step; so has a completed request
 * in which residue was found after all.
 */
export function attention(state: RequestState): Attention | null {
  if (state.refusal !== null || state.cancelled !== null) return null
  if (state.completedAt !== null) return residueToldLate(state)
  if (state.holds.length > 0) {
    return {
      owner: 'privacy_officer',
      nextStep: 'release_when_the_hold_ends',
      code: 'on_hold',
      systemId: null,
    }
  }
  if (state.review !== null) {
    return {
      owner: 'privacy_officer',
      nextStep: 'decide_whom_it_is',
      code: state.review.code,
      systemId: null,
    }
  }
  if (state.awaitingApproval !== null) {
    const { reason, passId } = state.awaitingApproval
    const systemId = passId === null ? null : (state.passes[passId]?.systemId ?? null)
    return { owner: 'privacy_officer', nextStep: 'approve_or_refuse', code: reason, systemId }
  }
  if (state.failure !== null) {
    const { owner, nextStep, code, systemId } = state.failure
    return { owner, nextStep, code, systemId, ...reasonOf(state, code, systemId) }
  }
  if (state.partial !== null) {
    return { owner: state.partial.owner, nextStep: state.partial.nextStep, code: 'retained', systemId: null }
  }
  return openTask(state)
}

/** The first task that waits for a person; one that is overdue is a failure and was told above. */
function openTask(state: RequestState): Attention | null {
  for (const { step, current, done } of factsOf(state).values()) {
    const task = byHandOf(state, step.systemId)
    if (task === null || current === null || done !== null) continue
    return {
      owner: task.role,
      nextStep: 'do_task_then_mark_done',
      code: 'task_open',
      systemId: step.systemId,
    }
  }
  return null
}

function reasonOf(
  state: RequestState,
  code: string,
  systemId: string | null,
): Pick<Attention, 'reason'> | undefined {
  if (code !== 'probe_inconclusive' || systemId === null) return undefined
  const reported = probesOf(state, systemId).filter((probe) => probe.reported?.result === 'inconclusive')
  const reason = reported.at(-1)?.reported?.reasonCode
  return reason && CODE.test(reason) ? { reason } : undefined
}

/**
 * A probe said after completion that something is left. Nothing un-completes, and no grant is given any
 * more: a person looks at the system, and asks for the erasure anew, which is then no duplicate.
 */
function residueToldLate(state: RequestState): Attention | null {
  const system = state.plan?.systems.find(({ systemId }) => currentProbes(state, systemId).some(isResidual))
  if (system === undefined) return null
  return {
    owner: 'privacy_officer',
    nextStep: 'check_system_then_ask_anew',
    code: 'residual_after_completion',
    systemId: system.systemId,
  }
}
