import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Pace, tooOften } from './pace.js'

describe('a pace', () => {
  it('lets no more through within any window, whenever they come', () => {
    const gaps = fc.array(fc.nat({ max: 400 }), { maxLength: 80 })
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 5 }), (waits, most) => {
        let now = 1_000
        const pace = new Pace({ most, windowMs: 1_000 }, () => now)
        const taken: number[] = []
        for (const wait of waits) {
          now += wait
          if (pace.waitMs('one') > 0) continue
          pace.took('one')
          taken.push(now)
        }
        for (const at of taken)
          expect(taken.filter((other) => other > at - 1_000 && other <= at).length).toBeLessThanOrEqual(most)
      }),
    )
  })

  it('says how long to wait, after which the next goes through', () => {
    let now = 0
    const pace = new Pace({ most: 2, windowMs: 1_000 }, () => now)
    pace.took('one')
    now = 300
    pace.took('one')
    expect(pace.waitMs('one')).toBe(700)
    expect(pace.waitMs('another')).toBe(0)
    now += pace.waitMs('one')
    expect(pace.waitMs('one')).toBe(0)
    pace.took('one')
    expect(pace.waitMs('one')).toBe(300)
  })

  it('remembers no more keys than it is told to, the last ones', () => {
    const pace = new Pace({ most: 1, keys: 2 }, () => 0)
    for (const key of ['a', 'b', 'c']) pace.took(key)
    expect(['a', 'b', 'c'].map((key) => pace.waitMs(key) > 0)).toEqual([false, true, true])
  })
})

describe('too often', () => {
  it('is told in whole seconds, never in too few', () => {
    expect(tooOften('Slowly.', 1_001).toProblem()).toMatchObject({
      status: 429,
      code: 'too_many_attempts',
      detail: 'Slowly. Try again in 2 s.',
      retryAfter: 2,
    })
  })
})
