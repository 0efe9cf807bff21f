import type { log } from '@lethe/schemas'
import { attestedSystems, byHandOf, isAttested } from './by-hand.js'
import { type Facts, isVerified, retainedParts } from './facts.js'
import { isDone } from './outcomes.js'
import type { Policy } from './policy.js'
import type { RequestEvent, RequestState } from './request-state.js'

/** How long the longest backup of a system lives, in milliseconds; 0 when it has none. */
export function longestKeepMs(system: log.PlanSystem | undefined): number {
  return Math.max(0, ...(system?.backups ?? []).map((backup) => backup.keepMs))
}

export interface BackupClear {
  readonly systemId: string
  readonly name: string
  /** Epoch milliseconds: no copy of this kind taken before the erasure exists any more. */
  readonly clearAt: number
}

/**
 * When each kind of backup of the plan has lost its last copy that could hold the person: its life
 * after the person was live-erased, or after the store's own expiry where the outcome was `expiring`.
 */
export function backupClearDates(state: RequestState, liveErasedAt: number): BackupClear[] {
  return (state.plan?.systems ?? []).flatMap((system) =>
    system.backups.map(({ name, keepMs }) => ({
      systemId: system.systemId,
      name,
      clearAt: goneAt(state, system.systemId, liveErasedAt) + keepMs,
    })),
  )
}

/** When the last record of the person leaves the live system. */
function goneAt(state: RequestState, systemId: string, liveErasedAt: number): number {
  const expiries = Object.values(state.passes)
    .filter((pass) => pass.systemId === systemId && isDone(pass))
    .map((pass) => pass.acknowledged?.expiring?.until ?? 0)
  return Math.max(liveErasedAt, ...expiries)
}

export function backupClearAt(state: RequestState, liveErasedAt: number): number {
  const systems = state.plan?.systems ?? []
  const gone = systems.map((system) => goneAt(state, system.systemId, liveErasedAt) + longestKeepMs(system))
  return Math.max(liveErasedAt, ...gone)
}

/**
 * The events that end the erasing, or null while a system is not both settled and probed clean. Where nobody can
 * probe, because a person erases by hand, their word stands in its place, and the end says where it does.
 * This is the only place that completes a request.
 */
export function completion(
  state: RequestState,
  facts: Facts,
  now: number,
  policy: Policy,
): RequestEvent[] | null {
  if (state.plan === null || state.plan.steps.length === 0) return null
  const steps = [...facts.values()]
  if (!steps.every((step) => step.settled)) return null
  const proven = (systemId: string): boolean =>
    byHandOf(state, systemId) === null ? isVerified(state, systemId) : isAttested(state, systemId)
  if (!state.plan.systems.every(({ systemId }) => proven(systemId))) return null
  if (wantsSecondLook(state)) {
    return [{ type: 'ApprovalRequested', data: { reason: 'not_found_everywhere', passId: null, at: now } }]
  }
  const clearAt = backupClearAt(state, now)
  const ending = steps.some(
    (step) => retainedParts(step).length > 0 || step.done?.acknowledged?.outcome === 'retained',
  )
    ? partial(steps.flatMap(retainedParts), now, clearAt)
    : ({
        type: 'RequestCompleted',
        data: { at: now, backupClearAt: clearAt, attested: attestedSystems(state) },
      } as const)
  return [
    ...prolongedTombstones(state, now, policy),
    { type: 'RequestLiveErased', data: { at: now } },
    ending,
  ]
}

/** Nobody found anywhere is as likely a wrong identifier as an absent person. */
function wantsSecondLook(state: RequestState): boolean {
  if (state.approvals.some((approval) => approval.reason === 'not_found_everywhere')) return false
  return Object.values(state.passes).every(
    (pass) => pass.acknowledged === null || !isDone(pass) || pass.acknowledged.outcome === 'not_found',
  )
}

function partial(parts: readonly log.RetainedPart[], now: number, clearAt: number): RequestEvent {
  const dates = parts.flatMap((part) => (part.until === null ? [] : [part.until]))
  const resumeAt = dates.length === 0 ? null : Math.min(...dates)
  return {
    type: 'RequestPartiallyCompleted',
    data: {
      at: now,
      backupClearAt: clearAt,
      resumeAt,
      owner: 'privacy_officer',
      nextStep: resumeAt === null ? 'review_retention_then_retry' : 'resumes_by_itself',
    },
  }
}

/** What was gone only long after the first grant must stay away for as long as its backups live. */
function prolongedTombstones(state: RequestState, now: number, policy: Policy): RequestEvent[] {
  return Object.values(state.tombstones)
    .sort((a, b) => (a.systemId < b.systemId ? -1 : 1))
    .flatMap((tombstone) => {
      const system = state.plan?.systems.find(({ systemId }) => systemId === tombstone.systemId)
      const needed = goneAt(state, tombstone.systemId, now) + longestKeepMs(system)
      if (tombstone.expiresAt >= needed) return []
      const expiresAt = needed + policy.tombstoneMarginMs
      return [
        {
          type: 'TombstoneWritten',
          data: { ...tombstone, sequence: tombstone.sequence + 1, expiresAt },
        } as const,
      ]
    })
}
