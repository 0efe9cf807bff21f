import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eachOrd, Tally } from './tally.js'

const ordsIn = (text: string): number[] => {
  const ords: number[] = []
  eachOrd(text, (ord) => ords.push(ord))
  return ords
}

describe('rows per subject and collection', () => {
  it('reads places as the server lists them, in any order', () => {
    expect(ordsIn('')).toEqual([])
    fc.assert(
      fc.property(fc.array(fc.nat(1_000_000)), (ords) => {
        expect(ordsIn(ords.join(','))).toEqual(ords)
      }),
    )
  })

  it('adds up what several statements and several tallies say', () => {
    const [one, other] = [new Tally(), new Tally()]
    one.addEach('users', [
      { ords: '4000,0', rows: 1 },
      { ords: '7', rows: 2 },
    ])
    one.addEach('users', [{ ords: '7', rows: 3 }])
    other.add(7, 'orders', 4)
    other.add(0, 'users', 1)
    one.addAll(other)
    expect([0, 1, 7, 4000, 5000].map((ord) => one.of(ord, 'users'))).toEqual([2, 0, 5, 1, 0])
    expect([one.of(7, 'orders'), one.of(7, 'baskets'), one.total(7)]).toEqual([4, 0, 9])
  })

  it('tells whether two came to the same everywhere', () => {
    const tally = new Tally()
    tally.addEach('users', [{ ords: '1,2,3', rows: 1 }])
    tally.add(3, 'orders', 1)
    expect([tally.isSame(1, 2), tally.isSame(2, 3), tally.isSame(4, 9), tally.isSame(4, 1)]).toEqual([
      ...[true, false, true, false],
    ])
  })
})
