import { expect, it } from 'vitest'
import type { Readable } from './applying.js'
import { sightUnderMaps } from './sight-under-maps.js'
import type { WatchedSystem } from './watched-system.js'

const person: Readable = {
  ...{ tombstoneId: 't1', requestId: 'r1', mapVersion: 3, held: false },
  subject: { subjectRef: 's1', tenantId: 'shop', receivedAt: 1, identifiers: [] },
}

it('who is looked for is looked for under the map that was in force at first, though another comes meanwhile', async () => {
  let now = 3
  const asked: string[] = []
  const session = (of: string) => async (version: number) => {
    asked.push(`${of} ${version}`)
    return { probe: async () => [{ result: 'clean' as const, residual: {} }], close: async () => {} }
  }
  const system = {
    ...{ systemId: 'shop-pg', bulkMax: 4, tellsUndated: true },
    currentVersion: async () => now++,
    servedBy: async (version: number) => version,
    ...{ probe: session('in force'), olderProbe: session('older') },
  } as Partial<WatchedSystem> as WatchedSystem
  const sights = await sightUnderMaps(system, [person], new Map(), new AbortController().signal)
  expect(asked).toEqual(['in force 3'])
  expect(sights).toMatchObject([{ finding: { result: 'clean' } }])
})
