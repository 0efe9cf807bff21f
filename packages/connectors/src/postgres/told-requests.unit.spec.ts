import type { Outcome } from '@lethe/eraser-kit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { outcomesIn, ToldRequests } from './told-requests.js'

const outcome = (position: string): Outcome => ({ outcome: 'erased', counts: {}, position })

describe('what requests came to', () => {
  it('is told of each of them and of nobody else, whatever their ids are', () => {
    // Short ones, and many that end alike, have the same hash.
    const id = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.uuid(),
      fc.nat(20).map((n) => `${n}${'x'.repeat(20)}`),
    )
    fc.assert(
      fc.property(fc.uniqueArray(id, { maxLength: 60 }), fc.array(id), (told, asked) => {
        const [one, two] = [outcome('1'), outcome('2')]
        const half = Math.floor(told.length / 2)
        const groups = new Map([
          [one, told.slice(0, half)],
          [two, told.slice(half)],
        ])
        const requests = new ToldRequests(groups)
        for (const each of [...told, ...asked]) expect(requests.get(each)).toBe(outcomesIn(groups).get(each))
        expect(told.map((each) => requests.get(each))).toEqual(told.map((_, n) => (n < half ? one : two)))
      }),
    )
    expect(new ToldRequests(new Map()).get('')).toBeUndefined()
  })
})
