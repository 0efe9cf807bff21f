import { describe, expect, it } from 'vitest'
import { drillSaw, lengths } from './drills.js'

describe('what a drill saw', () => {
  it('is counts of before and after the replay, of the made-up person and of everybody else', () => {
    expect(drillSaw({ canary: { cameBack: 3, left: 0 }, cameBack: { users: 2, orders: 1 } })).toBe(
      'The made-up person came back with 3 records; after the replay 0 were left. Probes found before the replay: users: 2, orders: 1.',
    )
    expect(drillSaw({ canary: { cameBack: 1, left: 1 }, cameBack: {} })).toBe(
      'The made-up person came back with 1 record; after the replay 1 were left.',
    )
  })

  it('is never called nothing where nobody looked', () => {
    expect(drillSaw({ canary: { cameBack: null, left: null }, cameBack: {} })).toBe(
      'Nobody looked for the made-up person.',
    )
    expect(drillSaw({ canary: { cameBack: 2, left: null }, cameBack: {} })).toMatch(/nobody looked after/)
  })

  it('took so long in each of its steps', () => {
    expect(lengths({ clearing: 12, erasing: 61_000, backing_up: 1_200 })).toBe(
      'backing up 1 s, erasing 1 min 1 s, clearing 12 ms',
    )
    expect(lengths({})).toBe('No step is on record.')
  })
})
