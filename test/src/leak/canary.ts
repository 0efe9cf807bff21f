import { randomInt } from 'node:crypto'
import type { NewErasureRequest } from '@lethe/client'

const letters = 'bcdfghjklmnpqrstvwxz'

/** Letters and digits that stand nowhere but in the identifiers made of them. */
export interface Canary {
  /** 14 letters; in everything but the phone number. */
  readonly word: string
  /** 12 digits; in the phone number and beside the word elsewhere. */
  readonly digits: string
}

/** Where a canary sings: a person as a shop and a caller know them. */
export interface CanaryPerson {
  readonly tenantId: string
  readonly userId: string
  readonly email: string
  readonly phone: string
  readonly stripe: string
}

export function newCanary(): Canary {
  const word = Array.from({ length: 14 }, () => letters[randomInt(letters.length)]).join('')
  const digits = Array.from({ length: 12 }, (_, at) => String(randomInt(at === 0 ? 1 : 0, 10))).join('')
  return { word, digits }
}

export function personOf({ word, digits }: Canary, name: string): CanaryPerson {
  return {
    tenantId: 'acme',
    userId: `u-${word}-${name}`,
    email: `${word}.${name}+${digits}@example.com`,
    phone: `+49${digits}`,
    stripe: `cus_${word}_${name}`,
  }
}

type Names = 'email' | 'user_id' | 'phone' | 'vendor:stripe'

/** A request for the person, by these identifiers. */
export function askFor(
  person: CanaryPerson,
  by: readonly Names[],
  more: Partial<NewErasureRequest> = {},
): NewErasureRequest {
  const values: Record<Names, string> = {
    email: person.email,
    user_id: person.userId,
    phone: person.phone,
    'vendor:stripe': person.stripe,
  }
  return {
    tenantId: person.tenantId,
    identifiers: by.map((type) => ({ type, value: values[type] })),
    requesterRole: 'self',
    identity: { method: 'signed_in_session' },
    graceDays: 0,
    ...more,
  }
}
