import type { PeopleColumns, ProbeSession } from '@lethe/eraser-kit'
import { describe, expect, it } from 'vitest'
import { inColumns } from '../testing/in-columns.js'
import { sift } from './sift.js'
import type { LiveTombstone, TombstonePage } from './tombstone-source.js'
import type { WatchedSystem } from './watched-system.js'

/** Person n has n % 3 identifiers; whoever has one that is in `there` is there, and who has none can't be told. */
const tombstone = (n: number): LiveTombstone => ({
  tombstoneId: `t${n}`,
  requestId: `r${n}`,
  mapVersion: 3,
  held: false,
  subject: {
    subjectRef: `s${n}`,
    tenantId: `tenant-${n}`,
    receivedAt: n,
    identifiers: Array.from({ length: n % 3 }, (_, of) => ({ type: 'user_id', value: `u${n}.${of}` })),
  },
})

interface Changed {
  readonly people?: number
  readonly there?: readonly string[]
  readonly session?: Partial<ProbeSession>
  readonly system?: Partial<WatchedSystem>
  readonly reviews?: boolean
  readonly copyMap?: number | null
  readonly change?: (page: TombstonePage) => TombstonePage
}

async function sifted(of: Changed = {}) {
  const calls: PeopleColumns[] = []
  let objects = 0
  const session: ProbeSession = {
    probe: () => Promise.reject(new Error('unused')),
    sift: async (people) => {
      calls.push(people)
      let at = 0
      return people.counts.flatMap((count, place) => {
        const own = people.values.slice(at, at + count)
        at += count
        return count === 0 || own.some((value) => of.there?.includes(value)) ? [place] : []
      })
    },
    close: async () => {},
    ...of.session,
  }
  const system = {
    systemId: 'shop-pg',
    bulkMax: 4,
    tellsUndated: true,
    currentVersion: async () => 3,
    servedBy: async (version: number) => version,
    probe: async () => session,
    ...of.system,
  } as WatchedSystem
  const tombstones = Array.from({ length: of.people ?? 10 }, (_, n) => tombstone(n))
  const page = inColumns({ validUntil: 0, tombstones }, () => objects++)
  const { signal } = new AbortController()
  const reviews = { any: async () => of.reviews ?? false }
  const result = await sift(system, of.change?.(page) ?? page, reviews, signal, of.copyMap)
  return {
    ids: result.tombstones.map(({ tombstoneId }) => tombstoneId),
    absent: result.absent,
    calls,
    objects,
  }
}

describe('sifting a page', () => {
  it('leaves those who are there or can not be told, and counts the others', async () => {
    const { ids, absent, objects } = await sifted({ there: ['u5.1', 'u7.0', 'u8.0'] })
    expect(ids).toEqual(['t0', 't3', 't5', 't6', 't7', 't8', 't9'])
    expect(absent).toBe(3)
    expect(objects).toBe(1)
  })

  it('hands everybody over with their own identifiers, as many people at a time as the connector takes', async () => {
    const { calls } = await sifted()
    expect(calls.map(({ counts }) => counts)).toEqual([
      [0, 1, 2, 0],
      [1, 2, 0, 1],
      [2, 0],
    ])
    expect(calls.map(({ values }) => values)).toEqual([
      ['u1.0', 'u2.0', 'u2.1'],
      ['u4.0', 'u5.0', 'u5.1', 'u7.0'],
      ['u8.0', 'u8.1'],
    ])
    expect(calls[1]?.tenantIds).toEqual(['tenant-4', 'tenant-5', 'tenant-6', 'tenant-7'])
    expect(calls[1]?.receivedAt).toEqual([4, 5, 6, 7])
    expect(calls[1]?.types).toEqual(Array.from({ length: 4 }, () => 'user_id'))
  })

  it('makes no objects where nobody is, nor of an empty page', async () => {
    const absent = { session: { sift: async () => [] } }
    expect(await sifted({ ...absent, people: 3 })).toMatchObject({ ids: [], absent: 3, objects: 0 })
    expect(await sifted({ people: 0 })).toMatchObject({ ids: [], absent: 0, objects: 0, calls: [] })
  })

  const everybody = Array.from({ length: 10 }, (_, n) => `t${n}`)
  const older = async (version: number) => (version === 2 ? 3 : version)
  it.each<[string, Changed]>([
    ['the page has no columns', { change: ({ tombstones }) => ({ validUntil: 0, tombstones }) }],
    ['the page may have none', { change: ({ tombstones }) => ({ validUntil: 0, tombstones, people: null }) }],
    ['the kind has no such look', { system: { probe: async () => ({}) as ProbeSession } }],
    ['the kind does not tell what is undated', { system: { tellsUndated: false } }],
    ['a person was asked about somebody', { reviews: true }],
    ['they were erased under another map', { system: { currentVersion: async () => 4 } }],
    ['the copy is of another map', { copyMap: 2 }],
  ])('leaves everybody where %s', async (_, change) => {
    expect(await sifted(change)).toMatchObject({ ids: everybody, absent: 0, calls: [] })
  })

  it('sifts where other versions of the map say the same as the one in force', async () => {
    const { calls } = await sifted({ copyMap: 2, system: { servedBy: older } })
    expect(calls).toHaveLength(3)
  })

  it('looks under the map that was in force when it was asked for, though another comes meanwhile', async () => {
    let now = 3
    const versions: number[] = []
    const probe = async (version: number) => {
      versions.push(version)
      return { probe: async () => [], sift: async () => [], close: async () => {} }
    }
    await sifted({ system: { currentVersion: async () => now++, probe } })
    expect(versions).toEqual([3])
  })

  it.each([[[-1]], [[4]], [[1, 1]], [[2, 1]], [[0.5]]])('takes %j for no answer', async (places) => {
    const answer = sifted({ session: { sift: async () => places } })
    await expect(answer).rejects.toMatchObject({ code: 'probe_incomplete' })
  })

  it('throws what the look throws', async () => {
    const sift = () => Promise.reject(new Error('the store is away'))
    await expect(sifted({ session: { sift } })).rejects.toThrow('the store is away')
  })
})
