import type { Outcome, ReplayPasses, Session } from '@lethe/eraser-kit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { kindsOf } from '../domain/replayed-kinds.js'
import { countedMany, nothing } from '../domain/tally.js'
import { inColumns } from '../testing/in-columns.js'
import { Applying, cameInColumns, cameOf, type Readable, type Run } from './applying.js'
import type { PagePeople } from './tombstone-source.js'
import type { WatchedSystem } from './watched-system.js'

const person = (n: number): Readable => ({
  ...{ tombstoneId: `t${n}`, requestId: `r${n}`, mapVersion: 1, held: false, ceilingWaived: n === 1 },
  subject: {
    ...{ subjectRef: 's', tenantId: 'shop', receivedAt: n },
    identifiers: [{ type: 'user_id', value: String(n) }],
  },
})
const peopleOf = (size: number): PagePeople =>
  inColumns({ validUntil: 500, tombstones: Array.from({ length: size }, (_, n) => person(n)) })
    .people as PagePeople
const counts = (erased: number) => ({ users: { found: erased, erased, redacted: 0, retained: 0, failed: 0 } })
const erased: Outcome = { outcome: 'erased', counts: counts(1) }
const run: Run = { name: 'restore-1', number: 2, systemId: 'shop-pg', slot: 3, copyMap: 1 }

async function tried(
  of: { system?: object; run?: Run; told?: readonly Outcome[] | null; replay?: null } = {},
) {
  const asked: { passes: ReplayPasses; slot: number }[] = []
  const session = {
    replay: async (passes: ReplayPasses, _io: unknown, slot: number) => {
      asked.push({ passes, slot })
      return of.told === undefined ? [erased, erased, erased] : of.told
    },
  }
  const system = {
    ...{ systemId: 'shop-pg', bulkMax: 3, tellsUndated: true },
    currentVersion: async () => 1,
    servedBy: async (version: number) => version,
    session: async () => (of.replay === null ? {} : session) as Session,
    ...of.system,
  } as Partial<WatchedSystem> as WatchedSystem
  const { signal } = new AbortController()
  const applying = new Applying(() => 100)
  return { asked, came: await applying.eraseColumns(of.run ?? run, system, peopleOf(3), 500, signal) }
}

describe('a page that is erased in columns', () => {
  it('is given to the store as it is, under a pass of the run and until the page ends', async () => {
    const { asked, came } = await tried()
    expect(came).toEqual({ outcomes: [erased, erased, erased] })
    expect(asked).toEqual([
      {
        slot: 3,
        passes: {
          ...{ passId: 'shop-pg#restore/restore-1.2.1', grant: { grantId: 'restore-1', expiresAt: 500 } },
          ...{ requestIds: ['r0', 'r1', 'r2'], ceilingWaived: new Set([1]), taken: new Set() },
          people: peopleOf(3).columns,
        },
      },
    ])
  })

  it('is erased under the map that was in force when it was looked at, though another comes meanwhile', async () => {
    let now = 1
    const { asked } = await tried({ system: { currentVersion: async () => now++ } })
    expect(asked.map(({ passes }) => passes.passId)).toEqual(['shop-pg#restore/restore-1.2.1'])
  })

  it('is erased otherwise where a receipt, the kind or the maps are not made for it, and the store is not asked', async () => {
    const { slot: _none, ...withoutSlot } = run
    const others = [
      { run: withoutSlot },
      { run: { ...run, copyMap: 2 } },
      { system: { bulkMax: 2 } },
      { system: { tellsUndated: false } },
      { system: { servedBy: async () => 9 } },
      { replay: null },
    ]
    for (const one of others) {
      const { asked, came } = await tried(one)
      expect(came).toEqual({ otherwise: one.run ?? run })
      expect(asked).toEqual([])
    }
  })

  it('is not tried together once more where somebody stood in the way', async () => {
    expect((await tried({ told: null })).came).toEqual({ otherwise: { ...run, isTried: true } })
  })

  it('counts and tells what came of each as it would of objects', () => {
    const kinds: readonly Outcome[] = [
      ...[erased, { ...erased }, { outcome: 'erased' as const, counts: counts(2) }],
      ...[
        { outcome: 'not_found' as const, counts: {} },
        { outcome: 'retained' as const, counts: counts(0) },
      ],
      { outcome: 'failed', counts: {}, errorCode: 'timeout', errorClass: 'retryable' },
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 12 }), (outcomes) => {
        const columns = cameInColumns(peopleOf(outcomes.length), outcomes)
        const objects = cameOf(outcomes.map((outcome, n) => ({ tombstone: person(n), outcome })))
        expect(columns.replayed).toEqual(kindsOf(objects.replayed))
        expect(countedMany(nothing, columns.fates)).toEqual(countedMany(nothing, objects.fates))
      }),
    )
  })

  it('knows nothing good of whom the store left out', () => {
    const { fates, replayed } = cameInColumns(peopleOf(2), [erased])
    expect(fates).toEqual([
      [{ is: 'changed' }, 1],
      [{ is: 'failed', code: 'no_outcome' }, 1],
    ])
    expect(replayed.map(({ tombstoneIds, errorCode }) => [tombstoneIds, errorCode])).toEqual([
      [['t0'], null],
      [['t1'], 'no_outcome'],
    ])
  })
})
