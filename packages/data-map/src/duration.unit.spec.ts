import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { durationMs } from './duration.js'

const DAY = 86_400_000

describe('durationMs', () => {
  it.each([
    ['P30D', 30 * DAY],
    ['PT5S', 5_000],
    ['PT0S', 0],
    ['P1DT2H3M4S', DAY + 7_384_000],
    ['P2W', 14 * DAY],
    ['P7Y', 7 * 366 * DAY],
    ['P1Y6M', 366 * DAY + 186 * DAY],
  ])('reads %s', (text, ms) => {
    expect(durationMs(text)).toBe(ms)
  })

  it.each(['', 'P', 'PT', 'P1DT', '30D', 'P-1D', 'P1.5D', 'p30d', 'P30D ', 'PT5', 'P99999999999999999Y'])(
    'refuses %j',
    (text) => {
      expect(durationMs(text)).toBeNull()
    },
  )

  it('never counts a month or a year shorter than the calendar', () => {
    for (let year = 2023; year < 2032; year++) {
      for (let month = 0; month < 12; month++) {
        const from = Date.UTC(year, month, 1)
        expect(Date.UTC(year, month + 1, 1) - from).toBeLessThanOrEqual(durationMs('P1M') ?? 0)
        expect(Date.UTC(year + 1, month, 1) - from).toBeLessThanOrEqual(durationMs('P1Y') ?? 0)
      }
    }
  })

  it('reads any text as whole milliseconds that can be counted, or as none', () => {
    const near = fc.stringMatching(/^P?[0-9YMWDTHS.,+-]{0,12}$/)
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (text) => {
        const ms = durationMs(text)
        if (ms === null) return
        expect(Number.isSafeInteger(ms) && ms >= 0).toBe(true)
        expect(text).toMatch(/^P[0-9YMWDTHS]+$/)
      }),
      { numRuns: 2_000 },
    )
  })

  it('reads what was written part by part as the sum of its parts', () => {
    fc.assert(
      fc.property(fc.nat(999), fc.nat(999), fc.nat(99_999), (days, hours, seconds) => {
        expect(durationMs(`P${days}DT${hours}H${seconds}S`)).toBe(
          days * DAY + hours * 3_600_000 + seconds * 1_000,
        )
      }),
    )
  })
})
