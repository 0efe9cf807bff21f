import { accepted, type Decision } from './commands.js'
import type { Policy } from './policy.js'
import type { RequestEvent, RequestState } from './request-state.js'

export interface KeepLonger {
  readonly type: 'KeepLonger'
  readonly systemId: string
  /** When the backup was taken, and until when it is kept, whatever its policy says; epoch milliseconds. */
  readonly takenAt: number
  readonly until: number
}

/**
 * A backup that may hold the person lives longer than the plan counted with: the tombstone lives as long and a margin
 * more, and backup-clear comes later. Nothing for whoever was gone before it was taken; told twice, nothing more.
 */
export function decideKeepLonger(
  state: RequestState,
  { systemId, takenAt, until }: KeepLonger,
  now: number,
  policy: Policy,
): Decision {
  const tombstone = state.tombstones[systemId]
  const goneBefore = state.liveErasedAt !== null && state.liveErasedAt < takenAt
  if (tombstone === undefined || goneBefore || state.backupClear) return accepted()
  const events: RequestEvent[] = []
  if (tombstone.expiresAt < until) {
    const expiresAt = until + policy.tombstoneMarginMs
    events.push({
      type: 'TombstoneWritten',
      data: { ...tombstone, sequence: tombstone.sequence + 1, expiresAt },
    })
  }
  if (state.backupClearAt !== null && state.backupClearAt < until)
    events.push({ type: 'BackupClearMoved', data: { systemId, backupClearAt: until, at: now } })
  return accepted(...events)
}
