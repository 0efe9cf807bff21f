import { expect } from 'vitest'
import type { HookedShop } from './hooked-shop.js'
import type { LoginHammer, Logins } from './login-hammer.js'
import type { Stand } from './stand.js'

/**
 * Nobody of the erased is there, everybody else is as in the backup, and nobody got in before the gate was opened.
 *
 * @param kept the digest of everybody else at the backup
 */
export async function expectNeverReachable(
  { shop, store }: Pick<Stand<HookedShop>, 'shop' | 'store'>,
  hammer: LoginHammer | null,
  kept: unknown,
  { erased, replayed }: { erased: readonly string[]; replayed: number } = {
    erased: shop.erased,
    replayed: shop.erased.length,
  },
): Promise<Logins | undefined> {
  await hammer?.inside()
  const seen = await hammer?.stop()
  const [restore] = await store.history('shop-pg', 1)
  expect(restore).toMatchObject({
    gateMode: 'hooked',
    phase: 'opened',
    windowMs: null,
    sessionsEnded: 0,
    replayed,
    residual: {},
  })
  expect(seen?.firstInsideAt).toBeGreaterThanOrEqual(restore?.openedAt ?? Number.NaN)
  expect(seen?.sightings).toBe(0)
  expect(await shop.found(erased)).toBe(0)
  expect(await shop.digest()).toBe(kept)
  return seen
}
