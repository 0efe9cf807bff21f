import { footprint, type Person, whereIs } from '../shop/oracle.js'

/** Number of rows and keys, mapped or not, in which the person still stands. */
export async function looksNobodyShares(
  pgUrl: string,
  redisUrl: string,
  person: Person & { readonly stripe: string },
): Promise<number> {
  const rows = await whereIs(pgUrl, person.tenantId, [person.userId, person.email, person.stripe])
  const { keys } = await footprint(pgUrl, redisUrl, person)
  return Object.values(rows).reduce((sum, n) => sum + n, 0) + keys.length
}
