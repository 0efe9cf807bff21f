import type { log } from '@lethe/schemas'
import { accepted, type Decision, rejected } from './commands.js'
import type { RequestEvent, RequestState } from './request-state.js'

/** Until when a tombstone must stay, epoch milliseconds; null where nobody knows yet. */
export function neededUntil(tombstone: log.TombstoneWritten, now: number): number | null {
  const { expiresAt, recurEvery, heldUntil } = tombstone
  if (recurEvery !== null) return null
  return Math.max(expiresAt, (heldUntil ?? 0) > now ? (heldUntil ?? 0) : 0)
}

const isNeeded = (tombstone: log.TombstoneWritten, now: number): boolean => {
  const until = neededUntil(tombstone, now)
  return until === null || until > now
}

/**
 * Takes tombstones away for good: every backup that could hold the person has expired. One that is still needed
 * refuses all of it; one that is gone already is nothing to decide.
 */
export function decideCollect(state: RequestState, systemIds: readonly string[], now: number): Decision {
  const wanted = Object.values(state.tombstones).filter(({ systemId }) => systemIds.includes(systemId))
  const early = wanted.find((tombstone) => isNeeded(tombstone, now))
  if (early !== undefined)
    return rejected(
      'illegal_transition',
      `the tombstone of ${early.systemId} outlives its longest backup and is still needed; wait for its expiry`,
    )
  return accepted(...wanted.map((tombstone) => collected(tombstone, now)))
}

/** The tombstones of a request that nothing needs any more. */
export function collectable(state: RequestState, now: number): RequestEvent[] {
  return Object.values(state.tombstones)
    .filter((tombstone) => !isNeeded(tombstone, now))
    .map((tombstone) => collected(tombstone, now))
}

function collected(tombstone: log.TombstoneWritten, at: number): RequestEvent {
  const { tombstoneId, sequence, systemId, epoch, mapVersion, effectiveAt, expiresAt } = tombstone
  const last = {
    tombstoneId,
    sequence: sequence + 1,
    systemId,
    epoch,
    mapVersion,
    effectiveAt,
    expiresAt,
    at,
  }
  return { type: 'TombstoneCollected', data: last }
}
