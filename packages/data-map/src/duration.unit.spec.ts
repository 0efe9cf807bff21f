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
})
