import { type RequestState, type StepView, type SystemView, steps, systems } from '@lethe/domain'
import type { log } from '@lethe/schemas'

/** One request as the API shows it. Times are epoch milliseconds, UTC; no field holds an identifier. */
export interface Representation
  extends Pick<
      RequestState,
      | 'requestId'
      | 'tenantId'
      | 'subjectRef'
      | 'status'
      | 'version'
      | 'identity'
      | 'dueAt'
      | 'runAt'
      | 'firstGrantAt'
      | 'liveErasedAt'
      | 'completedAt'
      | 'backupClearAt'
      | 'backupClear'
      | 'review'
      | 'awaitingApproval'
      | 'approvals'
      | 'holds'
      | 'failure'
      | 'partial'
      | 'refusal'
      | 'extension'
    >,
    Pick<
      log.RequestReceived,
      'regime' | 'ground' | 'channel' | 'requesterRole' | 'requestedBy' | 'receivedAt' | 'graceUntil'
    >,
    NextStep {
  readonly plan: Pick<log.PlanFrozen, 'mapVersion' | 'mapDigest' | 'steps' | 'notApplicable'> | null
  readonly steps: readonly RepresentedStep[]
  readonly systems: readonly SystemView[]
  readonly links: Links
}

/** A step with what its system's probe said, once that has looked after the system's last step. */
export interface RepresentedStep extends StepView {
  readonly erasedAt: number | null
  readonly probedAt: number | null
  readonly probeResult: log.ProbeResult | null
}

function representedSteps(state: RequestState): RepresentedStep[] {
  const last = new Map(systems(state).map((view) => [view.steps.at(-1), view.probe]))
  return steps(state).map((step) => {
    const probe = last.get(step.stepId)
    return {
      ...step,
      erasedAt: step.finishedAt,
      probedAt: probe?.checkedAt ?? null,
      probeResult: probe?.result ?? null,
    }
  })
}

/** Who must act next, and how; null while Lethe goes on by itself. */
export interface NextStep {
  readonly owner: string | null
  readonly nextStep: string | null
}

export interface Links {
  readonly self: string
  readonly events: string
  readonly verification: string
}

export function representation(state: RequestState): Representation {
  const { received, plan } = state
  return {
    requestId: state.requestId,
    tenantId: state.tenantId,
    subjectRef: state.subjectRef,
    status: state.status,
    version: state.version,
    regime: received.regime,
    ground: received.ground,
    channel: received.channel,
    requesterRole: received.requesterRole,
    requestedBy: received.requestedBy,
    identity: state.identity,
    receivedAt: received.receivedAt,
    dueAt: state.dueAt,
    graceUntil: received.graceUntil,
    runAt: state.runAt,
    firstGrantAt: state.firstGrantAt,
    liveErasedAt: state.liveErasedAt,
    completedAt: state.completedAt,
    backupClearAt: state.backupClearAt,
    backupClear: state.backupClear,
    review: state.review,
    awaitingApproval: state.awaitingApproval,
    approvals: state.approvals,
    holds: state.holds,
    failure: state.failure,
    partial: state.partial,
    refusal: state.refusal,
    extension: state.extension,
    ...ownerOf(state),
    plan:
      plan === null
        ? null
        : {
            mapVersion: plan.mapVersion,
            mapDigest: plan.mapDigest,
            steps: plan.steps,
            notApplicable: plan.notApplicable,
          },
    steps: representedSteps(state),
    systems: systems(state),
    links: linksOf(state.requestId),
  }
}
export function ownerOf(state: Pick<RequestState, 'status' | 'failure' | 'partial'>): NextStep {
  const officer = (nextStep: string) => ({ owner: 'privacy_officer', nextStep })
  switch (state.status) {
    case 'AWAITING_IDENTITY':
      return officer('decide_whom_it_is')
    case 'AWAITING_APPROVAL':
      return officer('approve_or_refuse')
    case 'ON_HOLD':
      return officer('release_when_the_hold_ends')
    case 'FAILED':
      return { owner: state.failure?.owner ?? null, nextStep: state.failure?.nextStep ?? null }
    case 'PARTIALLY_COMPLETED':
      return { owner: state.partial?.owner ?? null, nextStep: state.partial?.nextStep ?? null }
    default:
      return { owner: null, nextStep: null }
  }
}

export function linksOf(requestId: string): Links {
  const self = `/v1/erasure-requests/${requestId}`
  return { self, events: `${self}/events`, verification: `${self}/verification` }
}
