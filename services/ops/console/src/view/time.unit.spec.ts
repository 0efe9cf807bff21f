import { describe, expect, it } from 'vitest'
import { absolute, relative, span } from './time.js'

describe('times', () => {
  it('are told in their two largest units', () => {
    expect(span(0)).toBe('0 s')
    expect(span(999)).toBe('0 s')
    expect(span(61_000)).toBe('1 min 1 s')
    expect(span(3_600_000)).toBe('1 h')
    expect(span(90_061_000)).toBe('1 d 1 h')
    expect(span(-5_000)).toBe('5 s')
  })

  it('say on which side of now they lie', () => {
    expect(relative(1_000, 61_000)).toBe('1 min ago')
    expect(relative(61_000, 1_000)).toBe('in 1 min')
    expect(relative(1_000, 1_500)).toBe('now')
  })

  it('are absolute with their zone', () => {
    expect(absolute(Date.UTC(2026, 10, 21, 18, 5, 9), 'UTC')).toBe('2026-11-21 18:05:09 UTC')
    expect(absolute(Date.UTC(2026, 6, 1, 23, 30, 0), 'Europe/Berlin')).toMatch(
      /^2026-07-02 01:30:00 (GMT\+2|CEST)$/,
    )
  })
})
