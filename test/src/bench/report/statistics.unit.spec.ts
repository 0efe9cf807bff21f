import { describe, expect, it } from 'vitest'
import { percentile, spreadOf } from './statistics.js'

describe('the figures of a benchmark', () => {
  it('are the median with the lowest and the highest, in whatever order they came', () => {
    expect(spreadOf([9, 1, 5])).toEqual({ median: 5, lowest: 1, highest: 9, repetitions: 3 })
    expect(spreadOf([4, 2])).toEqual({ median: 3, lowest: 2, highest: 4, repetitions: 2 })
  })

  it('take a percentile between the two nearest values, and say of nothing that it is no number', () => {
    expect(percentile([0, 10], 0.99)).toBeCloseTo(9.9)
    expect(percentile([7], 0.99)).toBe(7)
    expect(percentile([], 0.5)).toBeNaN()
  })
})
