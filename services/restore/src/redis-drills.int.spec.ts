import { randomUUID } from 'node:crypto'
import { redis } from '@lethe/connectors/redis'
import type { Connector, DrillSession, MadeBackup } from '@lethe/eraser-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CACHE_SECTION, CacheStand } from './testing/cache-stand.js'
import { DrillStand } from './testing/drill-stand.js'
import { round } from './testing/process.js'
import { officer } from './testing/stand.js'

let cache: CacheStand
let drills: DrillStand

beforeEach(async () => {
  cache = await CacheStand.open('rdb')
  await cache.seed(50)
  await round(cache.process())
  drills = new DrillStand(cache, {
    systemId: 'cache',
    connector: redis as unknown as Connector,
    section: CACHE_SECTION,
    // The replay role is given for erasing, backing up and planting alike.
    secrets: { SHOP: cache.server.url('replay'), CACHE: cache.server.url('replay') },
  })
})
afterEach(() => drills.close())

const nothingLeft = async () => {
  expect(drills.files()).toEqual([])
  expect(await cache.as('replay', (client) => client.keys('*lethedrill*'))).toEqual([])
}

describe('a drill of a Redis', () => {
  it('shows that who was erased came back with the file and is gone after the replay, and leaves nothing but evidence', async () => {
    await cache.erase(['u1', 'u2'])
    await cache.as('app', (client) => client.set('user:u2:profile', 'here again'))
    const before = await cache.digest(new Set())
    const drill = await drills.run()
    expect(drill).toMatchObject({
      verdict: 'passed',
      reasons: [],
      intact: true,
      evidence: {
        kind: 'redis',
        backup: { bytes: expect.any(Number) },
        canary: { cameBack: 1, left: 0 },
        // u2, who is back in the store in use as well, and the made-up person.
        cameBack: { 'user:{user_id}:*': 2 },
        replay: { tombstones: 3, replayed: 2, alreadyAbsent: 1 },
        versions: { store: expect.any(String), redis_cli: expect.any(String) },
      },
    })
    expect(await cache.digest(new Set())).toEqual(before)
    await nothingLeft()
  })

  it('whose file did not hold the person proves nothing; whose replay leaves them is failed', async () => {
    let early: MadeBackup | null = null
    const nobody = await drills.run({
      session: (session) => ({
        plant: async (tenantId, known) => {
          early = await session.backUp(AbortSignal.timeout(30_000))
          await session.plant(tenantId, known)
        },
        backUp: async () => early as MadeBackup,
      }),
    })
    expect(nobody).toMatchObject({ verdict: 'proves_nothing', reasons: [{ code: 'nobody_came_back' }] })
    const { source } = cache
    const forgetful = {
      page: async (...of: Parameters<typeof source.page>) => {
        const page = await source.page(...of)
        return {
          ...page,
          tombstones: page.tombstones.filter(({ tombstoneId }) => !/drill/.test(tombstoneId)),
        }
      },
    }
    expect(await drills.run({ source: forgetful })).toMatchObject({
      verdict: 'failed',
      reasons: [{ code: 'canary_left' }],
    })
    await nothingLeft()
  })

  it('that a process left behind with its server running is cleared away by the next one', async () => {
    const drillId = randomUUID()
    const left: { session?: DrillSession; end?: (why: Error) => void } = {}
    const dead = await drills.drills({
      session: (session) => {
        left.session = session
        return {
          check: () =>
            new Promise((_resolve, reject) => {
              left.end = reject
            }),
        }
      },
    })
    void dead.start(officer, 'cache', drillId)
    await expect.poll(() => left.end !== undefined).toBe(true)
    const session = left.session as DrillSession
    await session.backUp(AbortSignal.timeout(30_000))
    const copy = await session.restore(AbortSignal.timeout(30_000))
    await cache.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
    const alive = await drills.drills()
    await expect
      .poll(async () => {
        await alive.round()
        return (await alive.one(officer, drillId)).verdict
      })
      .toBe('stopped')
    await expect(session.count(copy, [])).rejects.toThrow()
    await nothingLeft()
    left.end?.(new Error('the process is gone'))
    await dead.idle()
  })
})
