import type { LetheClient, NewErasureRequest } from '@lethe/client'
import type { Person } from '../shop/oracle.js'

/** Rows and keys of any seeded customer. */
export const whole = { 'shop-pg': 11, cache: 5 } as const
export const systemIds = ['shop-pg', 'cache'] as const
/** What a correct erasure of any seeded customer counts, over every pass of a step. */
export const trueCounts: Readonly<Record<string, { erased: number; redacted: number }>> = {
  'cache#1': { erased: 5, redacted: 0 },
  'shop-pg#1': { erased: 6, redacted: 5 },
  'cache#2': { erased: 0, redacted: 0 },
}

export const customer = (n: number): Person => ({
  tenantId: 'acme',
  userId: `u${n}`,
  email: `customer${n}@example.com`,
})

export const customers = (from: number, count: number): Person[] =>
  Array.from({ length: count }, (_, index) => customer(from + index))

export const erasureOf = ({ tenantId, userId }: Person): NewErasureRequest => ({
  tenantId,
  identifiers: [{ type: 'user_id', value: userId }],
  requesterRole: 'self',
  identity: { method: 'signed_in_session' },
  graceDays: 0,
})

/** Asks for one erasure per person. @returns request ids by user id */
export async function askFor(client: LetheClient, people: readonly Person[]): Promise<Map<string, string>> {
  const requestOf = new Map<string, string>()
  await atOnce(people, 40, async (person) => {
    requestOf.set(person.userId, (await client.request(erasureOf(person))).requestId)
  })
  return requestOf
}

/** Counts of the steps of a request that differ from those of a correct erasure. */
export async function wrongCounts(client: LetheClient, requestId: string): Promise<string[]> {
  const { steps } = await client.get(requestId)
  return steps.flatMap(({ stepId, counts }) => {
    const sum = (of: 'erased' | 'redacted') =>
      Object.values(counts).reduce((total, one) => total + one[of], 0)
    const told = { erased: sum('erased'), redacted: sum('redacted') }
    const right = trueCounts[stepId]
    return told.erased === right?.erased && told.redacted === right.redacted
      ? []
      : [`${requestId} ${stepId}: ${JSON.stringify(told)}`]
  })
}

/** Works on every item, so many at a time. */
export async function atOnce<T>(
  items: Iterable<T>,
  most: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = [...items].reverse()
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: most }, worker))
}
