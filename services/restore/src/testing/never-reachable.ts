import { expect } from 'vitest'
import { expectHard, type Hammer, PROMISED_OF_LOGINS } from './hammer.js'
import type { HookedShop } from './hooked-shop.js'
import type { Stand } from './stand.js'

/**
 * Nobody of the erased is there, everybody else is as in the backup, and nobody got in before the gate was opened,
 * however hard they knocked.
 *
 * @param kept the digest of everybody else at the backup
 * @param away whether the server was down for a while
 */
export async function expectNeverReachable(
  { shop, store }: Pick<Stand<HookedShop>, 'shop' | 'store'>,
  hammer: Hammer | null,
  kept: unknown,
  given: { erased?: readonly string[]; replayed?: number; away: boolean },
): Promise<void> {
  const { erased = shop.erased, replayed = shop.erased.length, away } = given
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
  expect(seen?.firstInsideMs).toBeGreaterThanOrEqual(restore?.openedAt ?? Number.NaN)
  expect(seen?.erasedSeen).toBe(0)
  expect(await shop.found(erased)).toBe(0)
  expect(await shop.digest()).toBe(kept)
  if (seen) expectHard(seen, { away, perSecond: PROMISED_OF_LOGINS })
}
