import { accepted, type Decision, type RequestCommand, rejected } from './commands.js'
import { collectable } from './decide-collect.js'
import { blockedBy } from './facts.js'
import type { RequestState } from './request-state.js'

/**
 * The selectors of these systems are sealed under another key now: their tombstones are written again with
 * a higher sequence, so that whoever keeps the highest one holds bytes that still open. A tombstone that
 * names this epoch already, or that has expired, stays as it is.
 */
export function decideReseal(
  state: RequestState,
  { epoch, systemIds }: Extract<RequestCommand, { type: 'Reseal' }>,
  now: number,
): Decision {
  const wanted = new Set(systemIds)
  const resealed = Object.values(state.tombstones)
    .filter((tombstone) => wanted.has(tombstone.systemId) && tombstone.epoch !== epoch)
    .filter(
      ({ expiresAt, recurEvery, heldUntil }) =>
        expiresAt > now || recurEvery !== null || (heldUntil ?? 0) > now,
    )
    .sort((a, b) => (a.systemId < b.systemId ? -1 : 1))
  return accepted(
    ...resealed.map((tombstone) => ({
      type: 'TombstoneWritten' as const,
      data: { ...tombstone, sequence: tombstone.sequence + 1, epoch },
    })),
  )
}

/**
 * The last condition of backup-clear: nobody can open anything the vault ever held of the person, in no
 * backup of Lethe's own database either. Refused while a date, a hold or a question stands against it. Tombstones
 * that have expired by then go with it.
 */
export function decideShredded(state: RequestState, now: number): Decision {
  if (state.backupClear) return accepted()
  const over = state.completedAt !== null && state.backupClearAt !== null && state.backupClearAt <= now
  if (over && blockedBy(state) === null)
    return accepted({ type: 'RequestBackupClear', data: { at: now } }, ...collectable(state, now))
  return rejected('illegal_transition', 'backups, a hold or an open question still stand against it')
}
