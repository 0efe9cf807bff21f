import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fold } from './evolve.js'
import { proceed, wakeAt } from './proceed.js'
import { play, scenario } from './testing/scenario.js'

const RUNS = 250

describe('the process manager', () => {
  test('has nothing left to say at the time it has spoken, and wakes later', () => {
    fc.assert(
      fc.property(scenario, (told) => {
        const world = play(told)
        world.tell({ type: 'Proceed' })
        expect(proceed(world.state, world.now, world.policy)).toEqual([])
        const wake = wakeAt(world.state, world.policy)
        if (wake !== null) expect(wake).toBeGreaterThan(world.now)
      }),
      { numRuns: RUNS },
    )
  }, 20_000)

  test('says at its wake time what it would have said at any time after, and nothing before', () => {
    fc.assert(
      fc.property(scenario, (told) => {
        const world = play(told)
        world.tell({ type: 'Proceed' })
        const wake = wakeAt(world.state, world.policy)
        if (wake === null) return
        expect(proceed(world.state, wake - 1, world.policy)).toEqual([])
        expect(proceed(world.state, wake, world.policy)).not.toEqual([])
        expect(fold(proceed(world.state, wake, world.policy), world.state)?.version).toBeGreaterThan(0)
      }),
      { numRuns: RUNS },
    )
  }, 20_000)
})
