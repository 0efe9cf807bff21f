import { randomBytes } from 'node:crypto'
import type { IdentifierType, Subject } from '../connector.js'
import type { Person } from './backdoor.js'

const DAY = 86_400_000

/** Random lower-case letters and digits: harmless in every identifier type. */
export const token = (bytes = 5): string => randomBytes(bytes).toString('hex')

function identifierOf(type: string, name: string): string {
  if (type === 'email') return `${name}@example.test`
  // E.164, at most fifteen digits.
  if (type === 'phone')
    return `+49${BigInt(`0x${randomBytes(5).toString('hex')}`)
      .toString()
      .padStart(13, '0')}`
  if (type.startsWith('vendor:')) return `cus_${name}`
  return `u${name}`
}

/** Someone new, with a value for each of `types`. `name` ends up inside every identifier but the phone. */
export function inventPerson(
  types: readonly string[],
  change: {
    readonly tenantId?: string
    readonly name?: string
    readonly identifiers?: Record<string, string>
  } = {},
): Person {
  const name = change.name ?? token()
  return {
    tenantId: change.tenantId ?? 'acme',
    identifiers: {
      ...Object.fromEntries(types.map((type) => [type, identifierOf(type, name)])),
      ...change.identifiers,
    },
    createdAt: Date.now() - DAY,
  }
}

/** The person as the vault would hand them to this system. */
export function subjectOf(person: Person, types: readonly IdentifierType[]): Subject {
  return {
    subjectRef: `ref-${token()}`,
    tenantId: person.tenantId,
    identifiers: types.flatMap((type) => {
      const value = person.identifiers[type]
      return value === undefined ? [] : [{ type, value }]
    }),
    receivedAt: Date.now(),
  }
}
