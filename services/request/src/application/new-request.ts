import { dueAt, normaliseIdentifier } from '@lethe/domain'
import type { log } from '@lethe/schemas'
import { problem } from '@lethe/service-host'
import type { Identifier } from '../domain/identifier.js'
import { namesPerson } from '../domain/names-person.js'
import { type Caller, may } from '../domain/permissions.js'
import { merge } from '../domain/person.js'
import type { NewRequest } from './accept.js'
import { assertTenant, forbidden } from './access.js'

/** What a caller sent, over HTTP or inside an intake message, with its shape already checked. */
export interface Submission {
  readonly tenantId: string
  readonly identifiers: readonly { readonly type: string; readonly value: string }[]
  readonly regime: string
  readonly ground: string
  readonly requesterRole: log.RequesterRole
  readonly identity: { readonly method: string }
  readonly graceDays: number
  readonly approval: 'required' | 'none'
}

const dayMs = 86_400_000

/**
 * @throws ProblemError `forbidden`, `unknown_tenant` (also for a tenant that exists but is not the caller's),
 * `invalid_identifier` naming the position, never the value
 */
export function newRequest(
  caller: Caller,
  submission: Submission,
  origin: Pick<NewRequest, 'channel' | 'idempotencyKey' | 'intakeKey'>,
  now: number,
): NewRequest {
  if (!may(caller, 'create')) throw forbidden('create')
  const { tenantId, requesterRole } = submission
  assertTenant(caller, tenantId)
  const identifiers = normalised(submission.identifiers)
  if (namesPerson(`${submission.ground}\n${submission.identity.method}`, identifiers)) {
    throw problem('invalid_request', 'ground or identity.method names the person: leave identifiers out.')
  }
  return {
    ...origin,
    callerId: caller.id,
    tenantId,
    identifiers,
    regime: submission.regime,
    ground: submission.ground,
    requesterRole,
    identityMethod: submission.identity.method,
    receivedAt: now,
    dueAt: dueAt(submission.regime, now),
    graceUntil: submission.graceDays === 0 ? null : now + submission.graceDays * dayMs,
    // Four eyes: what an administrator asks for in somebody's name, another person approves.
    approvalRequired: submission.approval === 'required' || requesterRole === 'admin',
  }
}

export function normalised(given: Submission['identifiers']): Identifier[] {
  const identifiers = given.map(({ type, value }, index): Identifier => {
    const result = normaliseIdentifier({ type: type as Identifier['type'], value })
    if (!result.ok) throw problem('invalid_identifier', `identifiers[${index}] (${type}): ${result.detail}`)
    return { type: type as Identifier['type'], value: result.value }
  })
  return merge([], identifiers)
}
