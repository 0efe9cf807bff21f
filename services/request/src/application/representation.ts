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
  readonly steps: readonly StepView[]
  readonly systems: readonly SystemView[]
  readonly links: Links
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
    steps: steps(state),
    systems: systems(state),
    links: linksOf(state.requestId),
  }
}
export function ownerOf(state: Pick<RequestState, 'status' | 'failure' | 'partial'>): NextStep {
  const officer = (nextStep: string) => ({ owner: 'privacy_officer', nextStep })
  switch (state.status) {
    case 'AWAITING_IDENTITY':
      return officer('Decide who is meant: approve with identifiers, refuse, or cancel.')
    case 'AWAITING_APPROVAL':
      return officer('Approve or refuse.')
    case 'ON_HOLD':
      return officer('Release the hold when its reason has ended.')
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
