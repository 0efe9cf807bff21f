import type { log } from '@lethe/schemas'
import { accepted, type Decision, rejected } from './commands.js'
import type { RequestState } from './request-state.js'

/** How somebody is attested to who was erased by other means; it tells such a request from the others. */
export const ERASED_BEFORE = 'erased_before_lethe'

/** A person who was erased before Lethe, or without it: there is nothing to do but to keep them away. */
export interface Import {
  readonly type: 'Import'
  readonly received: log.RequestReceived
  readonly by: string
  /** When they were erased, epoch milliseconds. */
  readonly erasedAt: number
  readonly tombstones: readonly Pick<
    log.TombstoneWritten,
    'tombstoneId' | 'systemId' | 'epoch' | 'mapVersion' | 'expiresAt'
  >[]
}

/** Told of nobody: who imports knows it, and no eraser has anything to do. */
export const wasImported = ({ identity }: RequestState): boolean => identity?.method === ERASED_BEFORE

/** A request that is over when it begins: tombstones, and the dates of its backups. It has no plan, for nothing is run. */
export function decideImport(state: RequestState | null, command: Import, now: number): Decision {
  if (state !== null) return rejected('duplicate_request', 'this request was received before')
  const { received, by, erasedAt, tombstones } = command
  if (erasedAt > now) return rejected('illegal_transition', 'nobody was erased in the future')
  if (tombstones.length === 0 || tombstones.some(({ expiresAt }) => expiresAt <= now))
    return rejected('illegal_transition', 'a tombstone is imported while it has something to keep away')
  const backupClearAt = Math.max(...tombstones.map(({ expiresAt }) => expiresAt))
  return accepted(
    { type: 'RequestReceived', data: received },
    { type: 'IdentityAttested', data: { method: ERASED_BEFORE, by, at: now } },
    ...tombstones.map((tombstone) => ({
      type: 'TombstoneWritten' as const,
      data: { ...tombstone, sequence: 1, effectiveAt: erasedAt, recurEvery: null, heldUntil: null },
    })),
    { type: 'RequestLiveErased', data: { at: erasedAt } },
    { type: 'RequestCompleted', data: { at: now, backupClearAt, attested: [] } },
  )
}
