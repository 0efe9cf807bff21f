import type { IdentifierType, Subject, TenantRule } from '@lethe/eraser-kit'
import { type IndexName, isAmbiguous } from './index-name.js'

/** One person of a batch, `ord` being their place in it. */
export interface Person {
  readonly ord: number
  readonly tenantId: string
  readonly values: ReadonlyMap<IdentifierType, readonly string[]>
  /** Epoch milliseconds: documents created later are not theirs when found by an alias. */
  readonly receivedAt: number
  /** Of a pass: see there. */
  readonly undated?: 'leave' | 'take' | undefined
}

export type PersonProblem =
  | 'invalid_identifier'
  | 'identifier_missing'
  | 'unknown_tenant'
  | 'ambiguous_tenant'
export type Selected =
  | { readonly ok: true; readonly person: Person }
  | { readonly ok: false; readonly code: PersonProblem }

export interface Wanting {
  readonly names: readonly IndexName[]
  /** Identifier types the section asks for. */
  readonly types: readonly IdentifierType[]
  readonly tenant: TenantRule
  readonly canonical: IdentifierType
}

/** Whom to look for; nobody at all when what was given can't be told apart from somebody else. */
export function select(
  subject: Subject,
  ord: number,
  wanting: Wanting,
  undated?: Person['undated'],
): Selected {
  const { tenant, types, canonical } = wanting
  if ('constant' in tenant && tenant.constant !== subject.tenantId)
    return { ok: false, code: 'unknown_tenant' }
  if (!('none' in tenant) && !isValue(subject.tenantId)) return { ok: false, code: 'unknown_tenant' }
  if (isAmbiguous(wanting.names, subject.tenantId)) return { ok: false, code: 'ambiguous_tenant' }
  const values = new Map<IdentifierType, string[]>()
  for (const type of types) {
    const given = new Set(subject.identifiers.flatMap((one) => (one.type === type ? [one.value] : [])))
    if (given.size === 0 && type === canonical) return { ok: false, code: 'identifier_missing' }
    if (![...given].every(isValue)) return { ok: false, code: 'invalid_identifier' }
    if (given.size > 0) values.set(type, [...given])
  }
  if (values.size === 0) return { ok: false, code: 'identifier_missing' }
  const { tenantId, receivedAt } = subject
  return { ok: true, person: { ord, tenantId, values, receivedAt, undated } }
}

/** An empty value selects nobody in particular; a lone surrogate has no UTF-8 and would be sent as another. */
function isValue(value: string): boolean {
  return value !== '' && !/\p{Surrogate}/u.test(value)
}
