import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newMarker, originOf } from './marker.js'
import { counted, nothing, seen } from './tally.js'
import { type FoundStore, type KnownMarker, type Verdict, verdictOn } from './verdict.js'
import { reasonsToWait } from './waiting.js'

const value = fc.constantFrom('a', 'b', 'c')
const found = fc.record({
  marker: fc.record({ found: fc.option(value), receipts: fc.nat(3) }),
  identity: fc.option(fc.constantFrom('x', 'y')),
})
const known = fc.record({
  current: fc.option(value),
  pending: fc.option(value),
  receipts: fc.nat(3),
  identity: fc.option(fc.constantFrom('x', 'y')),
})
type Judge = (known: KnownMarker | null, found: FoundStore, erasedBefore: boolean) => Verdict

/** What must hold of any judge: an older or foreign copy is never taken for the one Lethe knows. */
const holds = (judge: Judge) =>
  fc.check(
    fc.property(fc.option(known), found, fc.boolean(), (mine, store, erased) => {
      const verdict = judge(mine, store, erased)
      if (mine === null)
        return store.marker.found === null && !(erased && store.marker.receipts === 0)
          ? verdict === 'first'
          : verdict === 'other'
      const ours = [mine.current, ...(mine.pending === null ? [] : [mine.pending])].includes(
        store.marker.found,
      )
      if (!ours || store.marker.receipts < mine.receipts) return verdict === 'other'
      return verdict !== 'other' && verdict !== 'first'
    }),
    { numRuns: 5_000 },
  ).failed === false

describe('the verdict on a store', () => {
  it('takes no older or foreign copy for the one Lethe knows', () => {
    expect(holds(verdictOn)).toBe(true)
  })

  const broken: Record<string, Judge> = {
    'one that trusts any marker': (mine, store, erased) =>
      mine === null ? verdictOn(mine, store, erased) : 'same',
    'one that does not count receipts': (mine, store, erased) =>
      verdictOn(mine && { ...mine, receipts: 0 }, store, erased),
    'one that forgets what it was about to write': (mine, store, erased) =>
      verdictOn(mine && { ...mine, pending: null }, store, erased),
    'one that adopts a bare store it has erased in': (mine, store) => verdictOn(mine, store, false),
  }
  for (const [name, judge] of Object.entries(broken))
    it(`is checked: ${name} is caught`, () => {
      expect(holds(judge)).toBe(false)
    })
})

describe('an identity', () => {
  const judged = (known: string | null, found: string | null) =>
    verdictOn(
      { current: 'a', pending: null, receipts: 1, identity: known },
      { marker: { found: 'a', receipts: 1 }, identity: found },
      true,
    )

  it('that is another copy in the same place was restored, whatever its marker says', () => {
    expect(judged('s1#5/7#noon', 's1#6/7#noon')).toBe('other')
    expect(judged('s1#5/7#noon', 's1#5/8#later')).toBe('other')
  })

  it('of another server, of another run, or of which nobody knows the copy, only moved', () => {
    expect(judged('s1#5/7#noon', 's2#6/8#noon')).toBe('moved')
    expect(judged('s1#5/7#noon', 's1#5/7#later')).toBe('moved')
    expect(judged('s1##noon', 's1#5/7#noon')).toBe('moved')
    expect(judged('s1#5/7#noon', 's1##noon')).toBe('moved')
    expect(judged('s1/5', 's1#5/7#noon')).toBe('moved')
    expect(judged('x', 'y')).toBe('moved')
    expect(judged('s1#5/7#noon', null)).toBe('moved')
  })

  it('that stayed, or that nobody had asked for, is the same', () => {
    expect(judged('s1#5/7#noon', 's1#5/7#noon')).toBe('same')
    expect(judged(null, 's1#5/7#noon')).toBe('same')
  })
})

describe('a marker', () => {
  const key = { secret: 'secret', systemId: 'shop-pg', incarnation: 'prod' }

  it('says when it was written, to nobody but the installation that wrote it', () => {
    const marker = newMarker(key, 1_234, 7)
    expect(originOf(key, marker)).toEqual({ by: 'us', writtenAt: 1_234, mapVersion: 7 })
    expect(originOf({ ...key, incarnation: 'staging' }, marker)).toEqual({ by: 'another installation' })
    expect(originOf({ ...key, systemId: 'cache' }, marker)).toEqual({ by: 'nobody' })
    expect(originOf({ ...key, secret: 'other' }, marker)).toEqual({ by: 'nobody' })
  })

  it('can’t be made or altered by others', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(originOf(key, text)).toEqual({ by: 'nobody' })
      }),
    )
    const [incarnation, , version, random, mac] = newMarker(key, 1_234, 7).split('.')
    expect(originOf(key, `${incarnation}.9999.${version}.${random}.${mac}`)).toEqual({ by: 'nobody' })
    expect(originOf(key, null)).toEqual({ by: 'nobody' })
  })
})

describe('a gate opens by itself', () => {
  const young = { known: true, writtenAt: 10, lastCollectedAt: 9 } as const
  const good = counted(nothing, [{ is: 'changed' }, { is: 'absent' }])
  const codes = (...given: Parameters<typeof reasonsToWait>) =>
    reasonsToWait(...given).map(({ code }) => code)

  it('when everybody is gone and the copy is younger than all that was collected', () => {
    expect(codes(good, young)).toEqual([])
  })

  it('for no other outcome of a single tombstone or probe', () => {
    expect(codes(counted(good, [{ is: 'held' }]), young)).toEqual(['held'])
    expect(codes(counted(good, [{ is: 'unreadable' }]), young)).toEqual(['unreadable'])
    expect(codes(counted(good, [{ is: 'failed', code: 'x' }]), young)).toEqual(['failed'])
    expect(codes(seen(good, [{ result: 'residual', residual: {} }]), young)).toEqual(['residual'])
    expect(codes(seen(good, [{ result: 'residual', residual: { users: 1 } }]), young)).toEqual(['residual'])
    expect(codes(seen(good, [{ result: 'inconclusive', residual: {} }]), young)).toEqual(['inconclusive'])
    expect(codes(seen(good, [{ result: 'clean', residual: { users: 0 } }]), young)).toEqual([])
  })

  it('for no copy of unknown, foreign or too great age', () => {
    expect(codes(good, { known: false, foreign: false })).toEqual(['marker_unknown'])
    expect(codes(good, { known: false, foreign: true })).toEqual(['marker_foreign'])
    expect(codes(good, { ...young, lastCollectedAt: 10 })).toEqual(['older_than_collected'])
    expect(codes(good, { ...young, lastCollectedAt: null })).toEqual([])
  })
})
