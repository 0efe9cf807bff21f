import { afterAll, afterEach, beforeAll, describe, expect, it, test, vi } from 'vitest'
import { ask } from './testing/cluster.js'
import { type Hammer, startLogins } from './testing/hammer.js'
import { HookedShop } from './testing/hooked-shop.js'
import { expectNeverReachable } from './testing/never-reachable.js'
import { PgBackRest, pgBackRestMissing, pushing } from './testing/pgbackrest.js'
import { Stand } from './testing/stand.js'

const minutes = 60_000
vi.setConfig({ testTimeout: 5 * minutes })
const missing = pgBackRestMissing()

describe('a PostgreSQL that pgBackRest restores', () => {
  if (missing !== null) {
    test('pgBackRest can be had', (context) => context.skip(missing))
    return
  }
  let shop: HookedShop
  let stand: Stand<HookedShop>
  let tool: PgBackRest
  let hammer: Hammer | null = null
  beforeAll(async () => {
    shop = await HookedShop.open(2_000, pushing)
    tool = await PgBackRest.over(shop.cluster)
    stand = await Stand.over(shop)
  }, 2 * minutes)
  afterEach(() => hammer?.stop())
  afterAll(async () => {
    await stand?.detach()
    await shop?.close()
  }, minutes)

  const admin = () => shop.url('postgres', 'postgres')
  const round = async (process: ReturnType<Stand['process']>) => {
    await process.guard.round()
    await process.guard.idle()
  }
  const opened = (process: ReturnType<Stand['process']>, restores: number) =>
    expect
      .poll(
        async () => {
          await round(process)
          return (await stand.store.history(null, 10)).map(({ phase }) => phase)
        },
        { timeout: 2 * minutes, interval: 20 },
      )
      .toEqual(Array.from({ length: restores }, () => 'opened'))
  const hammering = async (who: readonly string[]) => {
    const { port } = shop.cluster
    hammer = startLogins({ port, roles: ['shop_app', 'boss'], database: 'shop', who })
    await hammer.knocking()
  }
  const erase = async (people: readonly string[]) => {
    for (const id of people) await stand.tombstone(id)
    await ask(shop.url(), 'DELETE FROM orders WHERE user_id = ANY ($1)', [people])
    await ask(shop.url(), 'DELETE FROM users WHERE id = ANY ($1)', [people])
  }

  it('by the example serves nobody before the erased are gone, to a point in time, and to an older backup after a newer one', async () => {
    const process = stand.process()
    await round(process)
    const older = await tool.backUp('full')
    await round(process)
    const kept = await shop.digest()
    await ask(admin(), `SELECT pg_create_restore_point('before_erasure')`)
    const first = shop.erased.slice(0, -2)
    await erase(first)
    await shop.goOn()
    await round(process)
    await shop.archived()
    const toPoint = ['--delta', '--type=name', '--target=before_erasure', '--target-action=promote']

    // Without the hook, the planted fault: the erased are there for everybody.
    await shop.cluster.stop('immediate')
    await tool.restore(...toPoint)
    await hammering(first)
    shop.cluster.start('source')
    await hammer?.sighting()
    await hammer?.stop()
    await shop.answers('postgres')
    await shop.cluster.stop()

    await tool.restoreByExample('shop-pg', ...toPoint)
    await hammering(first)
    shop.cluster.start('source')
    await opened(process, 1)
    await expectNeverReachable(stand, hammer, kept, { erased: first, replayed: first.length, away: true })

    const newer = await tool.backUp('incr')
    await round(process)
    await erase(shop.erased.slice(-2))
    await round(process)
    for (const [n, backup] of [newer, older].entries()) {
      await shop.cluster.stop('immediate')
      const options = ['--delta', `--set=${backup}`, '--type=immediate', '--target-action=promote']
      await tool.restoreByExample('shop-pg', ...options)
      await hammering(shop.erased)
      shop.cluster.start('source')
      await opened(process, n + 2)
      const replayed = n === 0 ? 2 : shop.erased.length
      await expectNeverReachable(stand, hammer, kept, { replayed, away: true })
    }
  })
})
