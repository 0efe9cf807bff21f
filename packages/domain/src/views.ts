import type { log } from '@lethe/schemas'
import { byHandOf, isAttested } from './by-hand.js'
import { type BackupClear, backupClearDates } from './completion.js'
import { type Counts, countsOfPasses, sumOfSteps } from './counts.js'
import { type Facts, factsOf, isVerified, probesOf, retainedParts, type StepFacts, stepsOf } from './facts.js'
import { isDone } from './outcomes.js'
import type { RequestState, RequestStatus, SystemStatus } from './request-state.js'
import { type TaskView, taskOf } from './task-view.js'

/** One step as it stands, from events alone: no clock, so that a rebuild gives the same. */
export interface StepView {
  readonly stepId: string
  readonly systemId: string
  readonly stage: number
  readonly after: readonly string[]
  /** As of a system; a step is never NOT_APPLICABLE. */
  readonly status: SystemStatus
  /** The pass that has the say; null before the first. */
  readonly passId: string | null
  readonly attempt: number
  /** How many passes the step has had. */
  readonly passes: number
  readonly requestedAt: number | null
  readonly acknowledgedAt: number | null
  readonly startedAt: number | null
  readonly finishedAt: number | null
  readonly outcome: log.Outcome | null
  readonly errorCode: string | null
  /** What every acknowledged pass of the step came to; see `countsOfPasses`. */
  readonly counts: Counts
  /** Only where a person erases by hand. */
  readonly task?: TaskView
}

/** The steps of the plan in its order; empty before the plan. */
export function steps(state: RequestState): StepView[] {
  return [...factsOf(state).values()].map((facts) => stepView(state, facts))
}

function stepView(state: RequestState, facts: StepFacts): StepView {
  const { stepId, systemId, stage, after } = facts.step
  const ack = facts.current?.acknowledged ?? null
  const task = taskOf(state, stepId)
  return {
    ...(task === null ? {} : { task }),
    stepId,
    systemId,
    stage,
    after,
    status: stepStatus(state, facts),
    passId: facts.current?.passId ?? null,
    attempt: facts.current?.attempt ?? 0,
    passes: facts.passes.length,
    requestedAt: facts.current?.requestedAt ?? null,
    acknowledgedAt: ack?.at ?? null,
    startedAt: ack?.startedAt ?? null,
    finishedAt: ack?.finishedAt ?? null,
    outcome: ack?.outcome ?? null,
    errorCode: ack?.errorCode ?? null,
    counts: countsOf(facts),
  }
}

function stepStatus(state: RequestState, facts: StepFacts): SystemStatus {
  const { systemId } = facts.step
  if (facts.settled) return byHandOf(state, systemId) === null ? settledStatus([facts]) : 'ATTESTED'
  if (facts.current === null) return 'PENDING'
  if (state.failures.some((failure) => failure.systemId === systemId)) return 'FAILED'
  return facts.deferred ? 'DEFERRED' : 'IN_PROGRESS'
}

function settledStatus(all: readonly StepFacts[]): SystemStatus {
  const outcomes = all.map((step) => step.done?.acknowledged?.outcome)
  if (outcomes.includes('retained') || all.some((step) => retainedParts(step).length > 0)) return 'RETAINED'
  return outcomes.includes('expiring') ? 'EXPIRING' : 'COMPLETED'
}

export interface ProbeView {
  readonly passId: string
  readonly requestedAt: number
  readonly result: log.ProbeResult | null
  readonly checkedAt: number | null
  readonly residual: Readonly<Record<string, number>>
  readonly reasonCode: string | null
}

/** One system of the data map, as the verification view shows it. */
export interface SystemView {
  readonly systemId: string
  /** null for a system that does not apply. */
  readonly kind: string | null
  readonly status: SystemStatus
  /** Why the system does not apply, from the data map. */
  readonly notApplicable: string | null
  readonly steps: readonly string[]
  readonly startedAt: number | null
  readonly finishedAt: number | null
  readonly outcomes: readonly log.Outcome[]
  readonly counts: Counts
  /** The latest probe, outdated or not. */
  readonly probe: ProbeView | null
  readonly probes: number
  /** Every step settled, and probed clean since. */
  readonly verified: boolean
  /** Only where a person erases by hand: somebody says that it is done. Nobody looked, so it is never verified. */
  readonly attested?: boolean
  readonly retained: readonly log.RetainedPart[]
  readonly expiring: log.Expiring | null
  readonly vendorRef: string | null
  readonly vendorExpectedAt: number | null
  readonly failure: log.RequestFailed | null
  readonly tombstone: log.TombstoneWritten | null
}

const remembered = new WeakMap<RequestState, readonly SystemView[]>()

/** Every system of the plan in its order, then those that do not apply. */
export function systems(state: RequestState): readonly SystemView[] {
  const known = remembered.get(state) ?? viewed(state)
  remembered.set(state, known)
  return known
}

function viewed(state: RequestState): SystemView[] {
  const { plan } = state
  if (plan === null) return []
  const facts = factsOf(state)
  return [
    ...plan.systems.map((system) => systemView(state, facts, system)),
    ...plan.notApplicable.map(({ systemId, reason }) => notApplicable(systemId, reason)),
  ]
}

function systemView(state: RequestState, facts: Facts, system: log.PlanSystem): SystemView {
  const { systemId, kind } = system
  const own = stepsOf(facts, systemId)
  const acks = own.flatMap((step) => step.passes.flatMap((pass) => pass.acknowledged ?? []))
  const currents = own.flatMap((step) => step.current?.acknowledged ?? [])
  const pending = currents.find((ack) => ack.outcome === 'deferred')
  const settled = own.every((step) => step.settled)
  return {
    systemId,
    kind,
    status: systemStatus(state, systemId, own),
    notApplicable: null,
    steps: own.map((step) => step.step.stepId),
    startedAt: acks.length === 0 ? null : Math.min(...acks.map((ack) => ack.startedAt)),
    finishedAt: settled ? Math.max(...acks.map((ack) => ack.finishedAt)) : null,
    outcomes: currents.map((ack) => ack.outcome),
    counts: sumOfSteps(own.map(countsOf)),
    probe: probeView(state, systemId),
    probes: probesOf(state, systemId).length,
    verified: settled && isVerified(state, systemId),
    ...(byHandOf(state, systemId) === null ? {} : { attested: settled && isAttested(state, systemId) }),
    retained: own.flatMap(retainedParts),
    expiring: latestExpiry(own),
    vendorRef: pending?.vendorRef ?? null,
    vendorExpectedAt: pending?.vendorExpectedAt ?? null,
    failure: state.failures.find((failure) => failure.systemId === systemId) ?? null,
    tombstone: state.tombstones[systemId] ?? null,
  }
}

function systemStatus(state: RequestState, systemId: string, own: readonly StepFacts[]): SystemStatus {
  if (state.failures.some((failure) => failure.systemId === systemId)) return 'FAILED'
  if (own.every((step) => step.current === null)) return 'PENDING'
  if (own.some((step) => step.deferred)) return 'DEFERRED'
  if (!own.every((step) => step.settled)) return 'IN_PROGRESS'
  return byHandOf(state, systemId) === null ? settledStatus(own) : 'ATTESTED'
}

function latestExpiry(own: readonly StepFacts[]): log.Expiring | null {
  const expiries = own.flatMap((step) =>
    step.passes.filter(isDone).flatMap((pass) => pass.acknowledged?.expiring ?? []),
  )
  return expiries.reduce<log.Expiring | null>((a, b) => (a === null || b.until > a.until ? b : a), null)
}

function probeView(state: RequestState, systemId: string): ProbeView | null {
  const probe = probesOf(state, systemId).at(-1)
  if (probe === undefined) return null
  const { passId, requestedAt, reported } = probe
  return {
    passId,
    requestedAt,
    result: reported?.result ?? null,
    checkedAt: reported?.checkedAt ?? null,
    residual: reported?.residual ?? {},
    reasonCode: reported?.reasonCode ?? null,
  }
}

function notApplicable(systemId: string, reason: string): SystemView {
  return {
    systemId,
    kind: null,
    status: 'NOT_APPLICABLE',
    notApplicable: reason,
    steps: [],
    startedAt: null,
    finishedAt: null,
    outcomes: [],
    counts: {},
    probe: null,
    probes: 0,
    verified: false,
    retained: [],
    expiring: null,
    vendorRef: null,
    vendorExpectedAt: null,
    failure: null,
    tombstone: null,
  }
}

const countsOf = ({ passes }: StepFacts): Counts =>
  countsOfPasses(passes.map((pass) => pass.acknowledged?.counts ?? {}))

/** The verification of one request: what is proven, what is exempt, and when the backups are clear. */
export interface VerificationView {
  readonly requestId: string
  readonly status: RequestStatus
  readonly systems: readonly SystemView[]
  /** Systems of the plan that are neither verified nor exempt by the data map, nor attested. */
  readonly unverified: readonly string[]
  /** Systems where it rests on somebody's word alone that the person is gone. */
  readonly attested: readonly string[]
  readonly liveErasedAt: number | null
  readonly backupClearAt: number | null
  readonly backupClear: boolean
  readonly backups: readonly BackupClear[]
}

export function verification(state: RequestState): VerificationView {
  const all = systems(state)
  return {
    requestId: state.requestId,
    status: state.status,
    systems: all,
    unverified: all
      .filter((view) => !view.verified && !view.attested && view.status !== 'NOT_APPLICABLE')
      .map((view) => view.systemId),
    attested: all.filter((view) => view.attested).map((view) => view.systemId),
    liveErasedAt: state.liveErasedAt,
    backupClearAt: state.backupClearAt,
    backupClear: state.backupClear,
    backups: state.liveErasedAt === null ? [] : backupClearDates(state, state.liveErasedAt),
  }
}

/** Systems where something was changed already; what a hold comes too late for. */
export function alreadyGone(state: RequestState): string[] {
  const changed = Object.values(state.passes).filter(
    (pass) => isDone(pass) && pass.acknowledged?.outcome !== 'not_found',
  )
  return [...new Set(changed.map((pass) => pass.systemId))].sort()
}
