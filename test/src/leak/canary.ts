import type { NewErasureRequest } from '@lethe/client'
import { type Canary, newCanary } from '@lethe/eraser-kit/conformance'

export { type Canary, newCanary }

/** Where a canary sings: a person as a shop and a caller know them. */
export interface CanaryPerson {
  readonly tenantId: string
  readonly userId: string
  readonly email: string
  readonly phone: string
  readonly stripe: string
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
