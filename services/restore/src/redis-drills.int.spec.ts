import { redis } from '@lethe/connectors/redis'
import type { Connector } from '@lethe/eraser-kit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CACHE_SECTION, CacheStand } from './testing/cache-stand.js'
import { drillConformance } from './testing/drill-conformance.js'
import { DrillStand } from './testing/drill-stand.js'
import { round } from './testing/process.js'

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

  drillConformance({ systemId: 'cache', drills: () => drills, nothingLeft })
})
