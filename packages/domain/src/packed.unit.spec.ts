import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packRuns, packTexts, TextColumn, unpackRuns } from './packed.js'

const isNumber = (value: unknown): value is number => typeof value === 'number'
const through = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('runs', () => {
  it('give back any column, through JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 2 })), (column) => {
        const packed = packRuns(column)
        expect(unpackRuns(through(packed), isNumber)).toEqual(column)
        expect(packed.values.length).toBeLessThanOrEqual(column.length)
      }),
    )
    expect(packRuns([7, 7, 7, 1, 7])).toEqual({ values: [7, 1, 7], counts: [3, 1, 1] })
  })

  it('of another form are none', () => {
    for (const wrong of [
      ...[null, 1, [], {}, { values: [1] }, { counts: [1] }, { values: [1], counts: [] }],
      ...[0, -1, 0.5, '1', null, Number.NaN, 2_000_000].map((count) => ({ values: [1], counts: [count] })),
      { values: [1, 2], counts: [600_000, 600_000] },
      { values: ['x'], counts: [1] },
    ])
      expect(unpackRuns(wrong, isNumber), JSON.stringify(wrong)).toBeNull()
  })
})

describe('texts', () => {
  it('give back any column, whatever stands in it, through JSON', () => {
    const any = fc.oneof(
      fc.constant(null),
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '\u0000', '"\\', '😀', 'é'),
    )
    fc.assert(
      fc.property(fc.array(any), (column) => {
        const packed = TextColumn.from(through(packTexts(column)))
        expect(packed?.size).toBe(column.length)
        expect(column.map((_, n) => (packed?.isNull(n) ? null : packed?.at(n)))).toEqual(column)
        expect(packed?.slice(0, column.length)).toEqual(column.map((one) => one ?? ''))
        expect(packed?.hasNulls).toBe(column.includes(null))
        for (const [place, one] of column.entries()) {
          const begin = packed?.beginOf(place) ?? -1
          expect(packed?.hasAt(begin, one ?? '')).toBe(true)
          if (one) expect(packed?.codeAt(begin + one.length - 1)).toBe(one.charCodeAt(one.length - 1))
        }
      }),
    )
  })

  it('of another form, or of lengths that do not add up, are none', () => {
    const lengths = { values: [2], counts: [2] }
    expect(TextColumn.from({ lengths, text: 'aabb' })?.at(1)).toBe('bb')
    for (const wrong of [
      ...[null, 'x', [], { lengths }, { text: 'aabb' }, { lengths, text: 1 }],
      ...[
        { lengths, text: 'aab' },
        { lengths, text: 'aabbc' },
      ],
      ...[-2, 0.5, '2'].map((length) => ({ lengths: { values: [length], counts: [2] }, text: 'aabb' })),
    ])
      expect(TextColumn.from(wrong), JSON.stringify(wrong)).toBeNull()
  })
})
