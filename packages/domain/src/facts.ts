import type { log } from '@lethe/schemas'
import { isDeferred, isDone } from './outcomes.js'
import type { PassState, ProbeState, RequestState } from './request-state.js'

/** What the events say of one step, without bounds or times. */
export interface StepFacts {
  readonly step: log.PlanStep
  /** Every pass, oldest first. */
  readonly passes: readonly PassState[]
  /** The passes of the latest demand, oldest first. */
  readonly group: readonly PassState[]
  /** The pass that has the say now; null before the first. */
  readonly current: PassState | null
  /** The pass of the latest demand whose work is over, if any. */
  readonly done: PassState | null
  /** A source this step copies was demanded again after it: what it did may be undone. */
  readonly stale: boolean
  /** A probe found residue after the step was done. */
  readonly residue: boolean
  /** Done, and nothing has undone it. */
  readonly settled: boolean
  /** A vendor has the job; others need not wait for it. */
  readonly deferred: boolean
}

export type Facts = ReadonlyMap<string, StepFacts>

const bySeq = (a: { readonly seq: number }, b: { readonly seq: number }): number => a.seq - b.seq

/** States never change, and every view and decision of one asks for the same facts. */
const remembered = new WeakMap<RequestState, Facts>()

/** The facts of every step, in the order of the plan. */
export function factsOf(state: RequestState): Facts {
  const known = remembered.get(state) ?? gather(state)
  remembered.set(state, known)
  return known
}

function gather(state: RequestState): Facts {
  const facts = new Map<string, StepFacts>()
  if (state.plan === null) return facts
  const passes = byStep(state)
  const openedAt = new Map<string, number>()
  const raw = state.plan.steps.map((step) => {
    const own = (passes.get(step.stepId) ?? []).toSorted(bySeq)
    const demand = own.at(-1)?.demand ?? 0
    const group = own.filter((pass) => pass.demand === demand)
    openedAt.set(step.stepId, group[0]?.seq ?? 0)
    return { step, passes: own, group }
  })
  const last = lastSteps(state.plan)
  for (const { step, passes: own, group } of raw) {
    const done = group.find(isDone) ?? null
    const isLast = last.get(step.systemId) === step.stepId
    const stale = done !== null && isLast && copiesLaterDemand(state.plan, done, last, openedAt)
    const residue = done !== null && isLast && currentProbes(state, step.systemId).some(isResidual)
    const current = done ?? currentOf(group)
    facts.set(step.stepId, {
      step,
      passes: own,
      group,
      current,
      done,
      stale,
      residue,
      settled: done !== null && !stale && !residue,
      deferred: done === null && current !== null && isDeferred(current),
    })
  }
  return facts
}

function byStep(state: RequestState): Map<string, PassState[]> {
  const passes = new Map<string, PassState[]>()
  for (const pass of Object.values(state.passes)) {
    const own = passes.get(pass.stepId)
    if (own === undefined) passes.set(pass.stepId, [pass])
    else own.push(pass)
  }
  return passes
}

/** The latest pass has the say, unless it came to nothing while a vendor has the job of an earlier one. */
function currentOf(group: readonly PassState[]): PassState | null {
  const latest = group.at(-1) ?? null
  if (latest === null || latest.acknowledged === null || isDeferred(latest)) return latest
  return group.findLast(isDeferred) ?? latest
}

/** Per system, the step that runs last: residue and changes of a source are its business. */
export function lastSteps(plan: log.PlanFrozen): ReadonlyMap<string, string> {
  const last = new Map<string, log.PlanStep>()
  for (const step of plan.steps) {
    const other = last.get(step.systemId)
    if (other === undefined || step.stage >= other.stage) last.set(step.systemId, step)
  }
  return new Map([...last].map(([systemId, step]) => [systemId, step.stepId]))
}

function copiesLaterDemand(
  plan: log.PlanFrozen,
  done: PassState,
  last: ReadonlyMap<string, string>,
  openedAt: ReadonlyMap<string, number>,
): boolean {
  return sourcesOf(plan, done.systemId).some((source) => {
    const sourceStep = last.get(source)
    return sourceStep !== undefined && (openedAt.get(sourceStep) ?? 0) > done.seq
  })
}

/** The systems of the plan that this one copies. */
export function sourcesOf(plan: log.PlanFrozen, systemId: string): readonly string[] {
  return plan.systems.find((system) => system.systemId === systemId)?.derivedFrom ?? []
}

/** The probes of a system that looked after its latest pass was requested, oldest first. */
export function currentProbes(state: RequestState, systemId: string): readonly ProbeState[] {
  let latestPass = 0
  for (const pass of Object.values(state.passes)) {
    if (pass.systemId === systemId) latestPass = Math.max(latestPass, pass.seq)
  }
  return probesOf(state, systemId).filter((probe) => probe.seq > latestPass)
}

export function probesOf(state: RequestState, systemId: string): readonly ProbeState[] {
  return Object.values(state.probes)
    .filter((probe) => probe.systemId === systemId)
    .sort(bySeq)
}

export const isResidual = (probe: ProbeState): boolean => probe.reported?.result === 'residual'
export const isClean = (probe: ProbeState): boolean => probe.reported?.result === 'clean'

/** The system is probed clean since its latest pass, and no probe of that time found anything. */
export function isVerified(state: RequestState, systemId: string): boolean {
  const probes = currentProbes(state, systemId)
  return probes.some(isClean) && !probes.some(isResidual)
}

export const stepsOf = (facts: Facts, systemId: string): readonly StepFacts[] =>
  [...facts.values()].filter(({ step }) => step.systemId === systemId)

/** Whether every step that must come first is over, or with a vendor. */
export function ready(facts: Facts, step: log.PlanStep): boolean {
  return step.after.every((stepId) => {
    const before = facts.get(stepId)
    return before !== undefined && (before.settled || before.deferred)
  })
}

/** A person must act before anything more may be erased. */
export function blockedBy(state: RequestState): 'hold' | 'approval' | 'review' | null {
  if (state.holds.length > 0) return 'hold'
  if (state.awaitingApproval !== null) return 'approval'
  return state.review === null ? null : 'review'
}

/** The request ended without erasing, or erased everything; nothing opens it again. */
export function isClosed(state: RequestState): boolean {
  return state.refusal !== null || state.cancelled !== null || state.completedAt !== null
}

/**
 * The latest moment a grant may still be used: the latest expiry of grants under which nothing was
 * acknowledged. 0 when there is none.
 */
export function grantsOutstandingUntil(state: RequestState, systemId?: string): number {
  let until = 0
  for (const pass of Object.values(state.passes)) {
    if (systemId !== undefined && pass.systemId !== systemId) continue
    for (const grant of pass.grants) {
      if (grant.grantId !== pass.acknowledged?.grantId) until = Math.max(until, grant.expiresAt)
    }
  }
  return until
}

/** What is lawfully kept: the parts told by every done pass since the step was last resumed. */
export function retainedParts(facts: StepFacts): readonly log.RetainedPart[] {
  const done = facts.passes.filter(isDone)
  const resumed = new Set(
    facts.passes.filter((pass) => pass.reason.startsWith('resume-')).map((pass) => pass.demand),
  )
  const since = Math.max(0, ...done.filter((pass) => resumed.has(pass.demand)).map((pass) => pass.demand))
  return done.filter((pass) => pass.demand >= since).flatMap((pass) => pass.acknowledged?.retained ?? [])
}
