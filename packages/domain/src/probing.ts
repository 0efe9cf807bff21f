import {
  currentProbes,
  grantsOutstandingUntil,
  isClean,
  isResidual,
  probesOf,
  type StepFacts,
} from './facts.js'
import type { Failure } from './phases.js'
import { backoff, type Policy } from './policy.js'
import type { ProbeState, RequestState } from './request-state.js'

export type ProbePhase =
  | { readonly kind: 'verified' }
  /** Residue: a matter for the system's last step. */
  | { readonly kind: 'residue' }
  | { readonly kind: 'look'; readonly at: number; readonly probeKind: 'after_erasure' | 'recheck' }
  | { readonly kind: 'fail'; readonly at: number; readonly failure: Failure }

/** What the verification of one system waits for; all its steps are settled. */
export function probePhaseOf(
  state: RequestState,
  systemId: string,
  steps: readonly StepFacts[],
  policy: Policy,
): ProbePhase {
  const probes = currentProbes(state, systemId)
  if (probes.some(isResidual)) return { kind: 'residue' }
  if (probes.some(isClean)) return { kind: 'verified' }
  const base = state.retries[systemId] ?? 0
  const tries = probes.filter((probe) => probe.seq > base)
  const latest = tries.at(-1)
  if (latest === undefined) {
    return { kind: 'look', at: settledAt(state, systemId, steps), probeKind: 'after_erasure' }
  }
  const at = nextLookAt(latest, tries.length, policy)
  if (tries.length < policy.maxProbes) return { kind: 'look', at, probeKind: 'recheck' }
  const code = latest.reported === null ? 'probe_unanswered' : 'probe_inconclusive'
  return { kind: 'fail', at, failure: { code, owner: 'operator', nextStep: 'check_probe_then_retry' } }
}

/**
 * A probe must not look while the store may still settle, nor while a grant could still be used:
 * what it sees then proves nothing.
 */
export function settledAt(state: RequestState, systemId: string, steps: readonly StepFacts[]): number {
  const settleMs = state.plan?.systems.find((system) => system.systemId === systemId)?.settleMs ?? 0
  const lastAck = Math.max(0, ...steps.map((step) => step.done?.acknowledged?.at ?? 0))
  return Math.max(lastAck, grantsOutstandingUntil(state, systemId)) + settleMs
}

function nextLookAt(latest: ProbeState, tries: number, policy: Policy): number {
  const report = latest.reported
  if (report === null) return latest.requestedAt + backoff(policy.probeTimeoutMs, tries - 1, policy)
  const asked = Math.min(report.nextCheckAt ?? 0, report.at + policy.maxRequestedWaitMs)
  return Math.max(asked, report.at + backoff(policy.probeBackoffMs, tries - 1, policy))
}

/** `<system>/probe-<n>`, counted over the whole request. */
export function nextProbeId(state: RequestState, systemId: string): string {
  return `${systemId}/probe-${probesOf(state, systemId).length + 1}`
}
