import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { due, restAfter } from './sweep.js'

const schedule = { fullMs: 1_000, sampleMs: 100 }
const never = { full: null, sample: null, unfinished: false }

describe('a sweep', () => {
  it('of everybody is due first, then after its time, and when one was not finished', () => {
    expect(due(schedule, 0, never)).toBe('full')
    expect(due(schedule, 1_999, { ...never, full: 1_000, sample: 1_950 })).toBeNull()
    expect(due(schedule, 2_000, { ...never, full: 1_000, sample: 1_999 })).toBe('full')
    expect(due(schedule, 1_001, { ...never, full: 1_000, unfinished: true })).toBe('full')
  })

  it('of some is due in between', () => {
    expect(due(schedule, 1_099, { ...never, full: 1_000 })).toBeNull()
    expect(due(schedule, 1_100, { ...never, full: 1_000 })).toBe('sample')
    expect(due(schedule, 1_199, { ...never, full: 1_000, sample: 1_100 })).toBeNull()
  })

  it('takes no more than its share of the time', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 1e6 }),
        (share, took) => {
          expect(took / (took + restAfter(took, share))).toBeCloseTo(share, 6)
        },
      ),
    )
  })
})
