import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keptUntil, stillKept, untilOf } from './retention.js'

const day = (text: string) => Date.parse(`${text}T00:00:00Z`)
/** Whether a document of this date is kept, as the range query would say. */
function isKept(until: string, made: number, now: number): boolean {
  const asked = /"gt":(-?\d+)/.exec(JSON.stringify(stillKept(untilOf(until), now)))
  return made > Number(asked?.[1])
}

describe('a retention', () => {
  it.each([
    ['P7Y from at', '2020-05-05', '2027-05-05'],
    ['P1Y from at', '2024-02-29', '2025-03-01'],
    ['P1M from at', '2026-01-31', '2026-03-03'],
    ['P1Y6M from at', '2024-01-01', '2025-07-01'],
    ['P2W from at', '2026-12-25', '2027-01-08'],
    ['2031-12-31', '2020-01-01', '2031-12-31'],
  ])('%s of %s ends on %s', (until, made, end) => {
    expect(keptUntil(untilOf(until), day(made))).toBe(day(end))
  })

  it('has no end where none is given, or where the date it counts from is missing', () => {
    expect(keptUntil(untilOf(undefined), 0)).toBeNull()
    expect(keptUntil(untilOf('P7Y from at'), null)).toBeNull()
  })

  it('is over at the moment it was said to end, whatever the calendar', () => {
    const moments = fc.integer({ min: day('1990-01-01'), max: day('2060-01-01') })
    const parts = fc.tuple(fc.nat(10), fc.nat(14), fc.nat(6), fc.integer({ min: 1, max: 40 }))
    fc.assert(
      fc.property(moments, parts, (made, [years, months, weeks, days]) => {
        const until = `P${years}Y${months}M${weeks}W${days}D from at`
        const end = keptUntil(untilOf(until), made) ?? Number.NaN
        expect(isKept(until, made, end)).toBe(false)
        expect(isKept(until, made, end - 5 * 86_400_000)).toBe(true)
      }),
    )
  })
})
