import { describe, expect, it } from 'vitest'
import { MatchedTally, withoutFailures } from './matched-tally.js'
import { kindsOf, type ReplayedKind } from './replayed-kinds.js'
import type { Replayed } from './restore.js'
import { nothing } from './tally.js'
import { TombstoneSet } from './tombstone-set.js'
import type { Tally } from './waiting.js'

const one = (id: string, errorCode: string | null = null): Replayed => ({
  ...{ tombstoneId: id, requestId: `request-${id}`, counts: {}, errorCode },
  outcome: errorCode === null ? 'erased' : 'failed',
})
const ids = (kinds: readonly ReplayedKind[]) => kinds.flatMap(({ tombstoneIds }) => tombstoneIds)
const idsOf = (people: readonly Replayed[]) => people.map(({ tombstoneId }) => tombstoneId)
/** Of ten people two were readable, and one of them failed. */
const paged: Tally = { ...nothing, tombstones: 10, replayed: 1, failed: { timeout: 1 }, unreadable: 8 }
const begun = (...counted: string[]) => {
  const set = new TombstoneSet()
  for (const id of counted) set.add(id)
  return new MatchedTally(paged, set)
}
const sumOf = ({ replayed, alreadyAbsent, held, unreadable, failed }: Tally) =>
  Object.values(failed).reduce((sum, many) => sum + many, replayed + alreadyAbsent + held + unreadable)

describe('people found by one identifier after the other', () => {
  it('count once', () => {
    const counts = begun()
    expect(ids(counts.addChanged(kindsOf([one('a'), one('b')])))).toEqual(['a', 'b'])
    expect(ids(counts.addChanged(kindsOf([one('b'), one('c'), one('c')])))).toEqual(['c'])
    expect(counts.tally).toEqual({ ...paged, replayed: 4, unreadable: 5 })
  })

  it('count once where an attempt before this one counted them', () => {
    const counts = begun('a')
    expect(ids(counts.addChanged(kindsOf([one('a'), one('b')])))).toEqual(['b'])
    expect(counts.tally).toEqual({ ...paged, replayed: 2, unreadable: 7 })
  })

  it('count as failed, once and by the first code, whatever came before or comes behind', () => {
    const counts = begun('a')
    counts.addChanged(kindsOf([one('b'), one('c')]))
    expect(
      idsOf(counts.addFailed([one('a', 'timeout'), one('b', 'still_there'), one('d', 'timeout')])),
    ).toEqual(['a', 'b', 'd'])
    expect(counts.addFailed([one('b', 'timeout')])).toEqual([])
    expect(counts.addChanged(kindsOf([one('a'), one('b'), one('d')]))).toEqual([])
    // Of a it was said that they were replayed before.
    const failed = { timeout: 3, still_there: 1 }
    expect(counts.tally).toEqual({ ...paged, replayed: 1, unreadable: 5, failed })
    expect(sumOf(counts.tally)).toBe(10)
  })

  it('are absent where they were not found, and held where a hold came, although they were changed before it', () => {
    const counts = begun()
    counts.addChanged(kindsOf([one('a'), one('b')]))
    counts.addFailed([one('c', 'still_there')])
    // c failed, b was changed, and d was found by nothing else.
    const tally = counts.ended({ lost: 2, held: ['b', 'c', 'd'], passedOver: null })
    const failed = { timeout: 1, still_there: 1 }
    expect(tally).toEqual({ ...paged, replayed: 2, failed, held: 2, unreadable: 2, alreadyAbsent: 2 })
    expect(sumOf(tally)).toBe(10)
  })

  it('count as held, as many as were passed over because a hold came while nobody ran', () => {
    const held = { ...paged, held: 1, unreadable: 7 }
    const after = (passedOver: number) => {
      const counts = new MatchedTally(held, new TombstoneSet())
      counts.addChanged(kindsOf([one('a'), one('b')]))
      const tally = counts.ended({ lost: 2, held: [], passedOver })
      expect(sumOf(tally)).toBe(10)
      return [tally.held, tally.alreadyAbsent, tally.replayed]
    }
    // One was held at first.
    expect([after(0), after(1)]).toEqual([
      [1, 3, 3],
      [1, 3, 3],
    ])
    expect(after(3)).toEqual([3, 1, 3])
    // More than are absent: some of those who were erased may still be there.
    expect(after(5)).toEqual([5, 0, 2])
  })
})

describe('failures of an attempt that was killed', () => {
  it('are as if they had not been, and those of pages stay', () => {
    const tally = { ...paged, replayed: 3, unreadable: 3, failed: { timeout: 3, still_there: 1 } }
    const forgotten = [
      { code: 'timeout', many: 2, changed: 1 },
      { code: 'still_there', many: 1, changed: 0 },
    ]
    const without = withoutFailures(tally, forgotten)
    expect(without).toEqual({ ...paged, replayed: 4, unreadable: 5, failed: { timeout: 1 } })
    expect(sumOf(without)).toBe(sumOf(tally))
    expect(withoutFailures(tally, [])).toEqual(tally)
  })
})
