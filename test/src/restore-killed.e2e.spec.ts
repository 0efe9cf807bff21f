import { openContext, withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { personOf } from './bench/restore/people.js'
import { RequestStandIn, SYSTEM } from './bench/restore/request-stand-in.js'
import { RestoreService } from './bench/restore/service.js'
import { BenchShop } from './bench/restore/shop.js'
import { marked, movedOn, until } from './bench/restore/watching.js'

const ROWS = 600_000
const ERASED = 400_000
/** Of each phase, if it lasts for so many. */
const KILLS = 4
const WITHIN_MS = 240_000

interface Progress {
  readonly phase: string
  readonly cursor: string
}

/** A real process on real stores; `request` is stood in for, because only what it answers is needed of it. */
describe('the restore service', () => {
  let shop: BenchShop
  let request: RequestStandIn
  let service: RestoreService
  beforeAll(async () => {
    const context = await openContext()
    request = await RequestStandIn.start()
    shop = new BenchShop(context.at.shopPostgresUrl)
    await shop.create()
    service = await RestoreService.prepare(context, { requestUrl: request.url, shopUrl: shop.url })
  })
  afterAll(async () => {
    await service?.stop()
    request?.stop()
    await shop?.drop()
  })

  const others = (url: string) =>
    withClient(url, async (client) => {
      const ids = Array.from({ length: ERASED }, (_, n) => personOf(n, ROWS))
      const { rows } = await client.query(
        `SELECT count(*)::int AS n, sum(hashtextextended(c::text, 0)) AS sum FROM customers c
         WHERE NOT EXISTS (SELECT FROM unnest($1::bigint[]) AS gone (id) WHERE gone.id = c.id)`,
        [ids],
      )
      return rows[0]
    })

  it('killed with -9 in the middle of a replay, time and again, erases everybody, counts each once, and touches nobody else', async () => {
    await service.start(1)
    await marked(shop)
    await shop.backUp(ROWS)
    request.given({ rows: ROWS, tombstones: ERASED })
    await movedOn(shop)
    const { begun: since } = await shop.restore()
    const progress = () =>
      service.pool
        .query<Progress>(
          'SELECT phase, cursor FROM restore.restores WHERE announced_at >= $1 AND system_id = $2',
          [since, SYSTEM],
        )
        .then(({ rows }) => rows[0] ?? null)
    const kills: Record<string, number> = { replaying: 0, probing: 0 }
    let starting = Promise.resolve<unknown>(undefined)
    for (let last = ''; ; ) {
      const { phase, cursor } = await until('the replay goes on', WITHIN_MS, async () => {
        const now = await progress()
        if (now === null) return null
        const isBehind = `${now.phase} ${now.cursor}` !== last && now.cursor !== ''
        return now.phase === 'opened' || (isBehind && now.phase in kills) ? now : null
      })
      if (phase === 'opened') break
      const before = kills[phase] ?? 0
      if (before === KILLS) {
        last = `${phase} ${cursor}`
        continue
      }
      await service.crash()
      kills[phase] = before + 1
      await starting
      // What it had recorded before it died is not what the next one does.
      const dead = await progress()
      last = `${dead?.phase} ${dead?.cursor}`
      // It works before it says that it is ready, and may be killed before it is.
      starting = service.start(1).catch(() => undefined)
    }
    await starting
    expect(kills['replaying']).toBeGreaterThan(1)
    expect(kills['probing']).toBeGreaterThan(0)
    const { rows } = await service.pool.query(
      `SELECT run, tombstones::int, replayed::int, already_absent::int, held::int, unreadable::int, failed, residual, inconclusive,
         (SELECT sum(cardinality(tombstone_ids))::int FROM restore.replay_pages p WHERE p.restore_id = r.restore_id) AS told
       FROM restore.restores r WHERE announced_at >= $1`,
      [since],
    )
    expect(rows).toEqual([
      {
        ...{ run: 1, tombstones: ERASED, replayed: ERASED, already_absent: 0, told: ERASED },
        ...{ held: 0, unreadable: 0, failed: {}, residual: {}, inconclusive: {} },
      },
    ])
    const left = await withClient(shop.url, (client) =>
      client.query('SELECT count(*)::int AS n FROM customers'),
    )
    expect(left.rows).toEqual([{ n: ROWS - ERASED }])
    expect(await others(shop.url)).toEqual(await others(shop.backupUrl))
  }, 600_000)
})
