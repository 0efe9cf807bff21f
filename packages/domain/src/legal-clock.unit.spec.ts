import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dueAt, extendedDueAt } from './legal-clock.js'
import { regimes } from './regimes.js'

const day = (time: number | null): string =>
  time === null ? 'none' : new Date(time).toISOString().slice(0, 10)
const at = (iso: string): number => Date.parse(iso)

describe('the legal clock', () => {
  test.each([
    ['gdpr', '2026-03-05T10:00:00Z', '2026-04-05'],
    ['gdpr', '2026-01-31T23:59:59Z', '2026-02-28'],
    ['gdpr', '2028-01-31T00:00:00Z', '2028-02-29'],
    ['gdpr', '2026-12-31T12:00:00Z', '2027-01-31'],
    ['uk_gdpr', '2026-09-03T08:00:00Z', '2026-10-03'],
    ['uk_gdpr', '2026-08-31T08:00:00Z', '2026-09-30'],
    ['ccpa', '2026-01-01T00:00:00Z', '2026-02-15'],
    ['virginia', '2026-02-01T00:00:00Z', '2026-03-18'],
    ['texas', '2026-12-01T00:00:00Z', '2027-01-15'],
    ['quebec', '2026-02-01T00:00:00Z', '2026-03-03'],
  ])('%s: received %s is due on %s', (regime, received, due) => {
    expect(day(dueAt(regime, at(received)))).toBe(due)
  })

  test('the last day counts to its last millisecond', () => {
    expect(new Date(dueAt('gdpr', at('2026-03-05T10:00:00Z'))).toISOString()).toBe('2026-04-05T23:59:59.999Z')
  })

  test.each([
    ['gdpr', '2026-03-05T10:00:00Z', '2026-06-05'],
    ['gdpr', '2026-01-31T10:00:00Z', '2026-04-28'],
    ['ccpa', '2026-01-01T10:00:00Z', '2026-04-01'],
    ['quebec', '2026-01-01T10:00:00Z', 'none'],
  ])('%s: received %s can be extended to %s', (regime, received, due) => {
    expect(day(extendedDueAt(regime, at(received)))).toBe(due)
  })

  test('the day of receipt is the local one', () => {
    const lateEvening = at('2026-03-05T23:30:00Z')
    expect(dueAt('gdpr', lateEvening, 60) - dueAt('gdpr', lateEvening)).toBe(23 * 3_600_000)
  })

  test('an unknown regime is refused by name of those that are known', () => {
    expect(() => dueAt('atlantis', 0)).toThrow(/gdpr/)
  })

  test('a month is never longer than 31 days and never skips a month', () => {
    const times = fc.integer({ min: at('2020-01-01'), max: at('2040-01-01') })
    fc.assert(
      fc.property(times, (received) => {
        const due = new Date(dueAt('gdpr', received))
        const from = new Date(received)
        const months =
          (due.getUTCFullYear() - from.getUTCFullYear()) * 12 + due.getUTCMonth() - from.getUTCMonth()
        expect(months).toBe(1)
        expect(due.getUTCDate()).toBeLessThanOrEqual(from.getUTCDate())
        expect(due.getTime() - received).toBeLessThanOrEqual(32 * 86_400_000)
      }),
    )
  })

  test('every extension is later than the date it extends', () => {
    const times = fc.integer({ min: at('2020-01-01'), max: at('2040-01-01') })
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(regimes)), times, (regime, received) => {
        const extended = extendedDueAt(regime, received)
        if (extended !== null) expect(extended).toBeGreaterThan(dueAt(regime, received))
      }),
    )
  })
})
