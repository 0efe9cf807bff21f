import { accepted, type Decision, type RequestCommand, rejected } from './commands.js'
import { knowsHold } from './evolve-lifecycle.js'
import { grantsOutstandingUntil } from './facts.js'
import type { RequestEvent, RequestState } from './request-state.js'

/** A held tombstone is not replayed; a hold has no end date, so it is held until the end of time. */
export const HELD_WITHOUT_END = Date.UTC(9999, 11, 31)

/**
 * Nothing more of the person is erased after `effectiveAt`: when the last grant that is out has
 * expired, and the page of people that a replay may be erasing. A completed request can be held too: its tombstones then wait for a person at a restore.
 */
export function decideHold(
  state: RequestState,
  command: Extract<RequestCommand, { type: 'Hold' }>,
  now: number,
): Decision {
  if (state.refusal !== null || state.cancelled !== null || state.backupClear) {
    return rejected('illegal_transition', `a request that is ${state.status} has nothing left to hold`)
  }
  const { holdId, by, reasonRef } = command
  if (knowsHold(state, holdId)) return accepted()
  const effectiveAt = Math.max(now, grantsOutstandingUntil(state), command.replayingUntil ?? now)
  return accepted(
    { type: 'RequestHeld', data: { holdId, by, reasonRef, at: now, effectiveAt } },
    ...tombstonesHeldUntil(state, HELD_WITHOUT_END),
  )
}

/** `holdId` null lifts every hold. The last one lifted lets the request go on. */
export function decideRelease(
  state: RequestState,
  command: Extract<RequestCommand, { type: 'Release' }>,
  now: number,
): Decision {
  const { holdId, by } = command
  if (holdId !== null && !knowsHold(state, holdId))
    return rejected('not_found', 'the request has no such hold')
  const lifted = state.holds.filter((hold) => holdId === null || hold.holdId === holdId)
  const events = lifted.map(
    (hold): RequestEvent => ({ type: 'RequestReleased', data: { holdId: hold.holdId, by, at: now } }),
  )
  const last = lifted.length > 0 && lifted.length === state.holds.length
  return accepted(...events, ...(last ? tombstonesHeldUntil(state, null) : []))
}

function tombstonesHeldUntil(state: RequestState, heldUntil: number | null): RequestEvent[] {
  return Object.values(state.tombstones)
    .filter((tombstone) => tombstone.heldUntil !== heldUntil)
    .sort((a, b) => (a.systemId < b.systemId ? -1 : 1))
    .map((tombstone) => ({
      type: 'TombstoneWritten',
      data: { ...tombstone, sequence: tombstone.sequence + 1, heldUntil },
    }))
}
