import type { log } from '@lethe/schemas'
import { withFailure } from './failures.js'
import { lapseUnacknowledged } from './lapse.js'
import type { RequestEvent, RequestState } from './request-state.js'

type LifecycleEvent = Extract<
  RequestEvent,
  {
    type:
      | 'ApprovalRequested'
      | 'RequestApproved'
      | 'RequestScheduled'
      | 'RequestRefused'
      | 'RequestCancelled'
      | 'RequestHeld'
      | 'RequestReleased'
      | 'RequestExtended'
      | 'RequestRetried'
      | 'RequestFailed'
      | 'RequestLiveErased'
      | 'RequestPartiallyCompleted'
      | 'RequestCompleted'
      | 'RequestBackupClear'
      | 'BackupClearMoved'
  }
>

/** What people decide, and the milestones. */
export function evolveLifecycle(state: RequestState, event: LifecycleEvent): RequestState {
  switch (event.type) {
    case 'ApprovalRequested':
      return { ...state, awaitingApproval: event.data }
    case 'RequestApproved':
      return approved(state, event.data)
    case 'RequestScheduled':
      return { ...state, runAt: event.data.runAt }
    case 'RequestRefused':
      return { ...state, refusal: event.data, awaitingApproval: null, review: null }
    case 'RequestCancelled':
      return { ...state, cancelled: event.data, awaitingApproval: null, review: null }
    case 'RequestHeld':
      if (knowsHold(state, event.data.holdId)) return state
      return { ...state, holds: [...state.holds, event.data] }
    case 'RequestReleased':
      return released(state, event.data.holdId)
    case 'RequestExtended':
      return { ...state, extension: event.data, dueAt: event.data.newDueAt }
    case 'RequestRetried':
      return { ...state, retries: { ...state.retries, [event.data.systemId]: state.version + 1 } }
    case 'RequestFailed':
      return withFailure(state, event.data)
    case 'RequestLiveErased':
      return { ...state, liveErasedAt: event.data.at }
    case 'RequestPartiallyCompleted':
      return { ...state, partial: event.data, backupClearAt: event.data.backupClearAt }
    case 'RequestCompleted':
      return { ...state, completedAt: event.data.at, backupClearAt: event.data.backupClearAt }
    case 'RequestBackupClear':
      return { ...state, backupClear: true }
    case 'BackupClearMoved':
      return { ...state, backupClearAt: Math.max(state.backupClearAt ?? 0, event.data.backupClearAt) }
    default:
      return event satisfies never
  }
}

export function knowsHold(state: RequestState, holdId: string): boolean {
  return state.releasedHolds.includes(holdId) || state.holds.some((hold) => hold.holdId === holdId)
}

function approved(state: RequestState, approval: log.RequestApproved): RequestState {
  const answersReview = approval.reason === 'identity' && state.review !== null
  if (!answersReview && state.awaitingApproval?.reason !== approval.reason) return state
  const approvals = [...state.approvals, approval]
  if (answersReview) return lapseUnacknowledged({ ...state, approvals, review: null })
  const asked = state.awaitingApproval
  const passes = { ...state.passes }
  const pass = asked?.passId == null ? undefined : passes[asked.passId]
  if (asked?.reason === 'over_ceiling' && pass !== undefined) {
    passes[pass.passId] = { ...pass, waiverGranted: true }
  }
  return lapseUnacknowledged({ ...state, approvals, passes, awaitingApproval: null })
}

function released(state: RequestState, holdId: string): RequestState {
  const holds = state.holds.filter((hold) => hold.holdId !== holdId)
  if (holds.length === state.holds.length) return state
  const next = { ...state, holds, releasedHolds: [...state.releasedHolds, holdId] }
  return holds.length === 0 ? lapseUnacknowledged(next) : next
}
