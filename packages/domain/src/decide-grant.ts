import { clearance } from './clearance.js'
import { accepted, type Decision, type IssueGrant, rejected } from './commands.js'
import { longestKeepMs } from './completion.js'
import type { Policy } from './policy.js'
import type { RequestEvent, RequestState } from './request-state.js'

/** A lease to erase, recorded before anything is erased; the first of a system also writes its tombstone. */
export function decideGrant(state: RequestState, command: IssueGrant, now: number, policy: Policy): Decision {
  const answer = clearance(state, command, policy)
  if (answer.decision !== 'go') return rejected(answer.code, answer.detail)
  // Never accepted silently as other repetitions are: the caller would hand out a lease of the past.
  const repeated = answer.pass.grants.some((grant) => grant.grantId === command.grantId)
  if (repeated) return rejected('grant_invalid', 'a grant is issued once; ask with a new id')
  const { grantId, systemId, stepId, passId, attempt, ttlMs } = command
  const expiresAt = now + Math.min(Math.max(ttlMs, 0), policy.maxGrantTtlMs)
  return accepted(
    { type: 'GrantIssued', data: { grantId, systemId, stepId, passId, attempt, at: now, expiresAt } },
    ...tombstoneFor(state, command, now, expiresAt, policy),
  )
}

/**
 * A backup taken just before the grant is used may hold the person for as long as it is kept, so
 * the tombstone lives that long after the latest grant, and a margin more. A later pass prolongs
 * it before the margin is half used up.
 */
export function tombstoneFor(
  state: RequestState,
  command: Pick<IssueGrant, 'systemId' | 'tombstone'>,
  now: number,
  grantExpiresAt: number,
  policy: Policy,
): RequestEvent[] {
  if (state.plan === null) return []
  const system = state.plan.systems.find(({ systemId }) => systemId === command.systemId)
  const needed = grantExpiresAt + longestKeepMs(system)
  const expiresAt = needed + policy.tombstoneMarginMs
  const current = state.tombstones[command.systemId]
  if (current === undefined) {
    const data = {
      tombstoneId: command.tombstone.tombstoneId,
      sequence: 1,
      systemId: command.systemId,
      epoch: command.tombstone.epoch,
      mapVersion: state.plan.mapVersion,
      effectiveAt: now,
      expiresAt,
      recurEvery: state.received.recurEvery,
      heldUntil: null,
    }
    return [{ type: 'TombstoneWritten', data }]
  }
  if (current.expiresAt >= needed + policy.tombstoneMarginMs / 2) return []
  const { epoch } = command.tombstone
  return [
    { type: 'TombstoneWritten', data: { ...current, sequence: current.sequence + 1, epoch, expiresAt } },
  ]
}
