import {
  type Attention,
  adviceOn,
  attention,
  attestedSystems,
  type RequestState,
  type StepView,
  type SystemView,
  steps,
  systems,
} from '@lethe/domain'
import type { log } from '@lethe/schemas'
import { type OverCeiling, overCeiling } from './over-ceiling.js'

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
  /** Who must act next, why, and about which system; null while Lethe goes on by itself or has ended. */
  readonly attention: (Attention & { readonly advice: string }) | null
  /** The pass that waits for a second approver; null when none does. */
  readonly overCeiling: OverCeiling | null
  /** Systems where it rests on somebody's word alone that the person is gone. */
  readonly attested: readonly string[]
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

function representedSteps(state: RequestState, views: readonly SystemView[]): RepresentedStep[] {
  const last = new Map(views.map((view) => [view.steps.at(-1), view.probe]))
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
  const wanted = attention(state)
  const views = systems(state)
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
    ...ownerOf(wanted),
    attention: wanted === null ? null : { ...wanted, advice: adviceOn(wanted) },
    overCeiling: overCeiling(state),
    attested: attestedSystems(state),
    plan:
      plan === null
        ? null
        : {
            mapVersion: plan.mapVersion,
            mapDigest: plan.mapDigest,
            steps: plan.steps,
            notApplicable: plan.notApplicable,
          },
    steps: representedSteps(state, views),
    systems: views,
    links: linksOf(state.requestId),
  }
}

/** The two fields every list shows, of what `attention` says in full. */
export function ownerOf(wanted: Attention | null): NextStep {
  return { owner: wanted?.owner ?? null, nextStep: wanted?.nextStep ?? null }
}

export function linksOf(requestId: string): Links {
  const self = `/v1/erasure-requests/${requestId}`
  return { self, events: `${self}/events`, verification: `${self}/verification` }
}
