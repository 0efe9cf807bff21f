import { describe, expect, it } from 'vitest'
import { delaysOf } from './delays.js'

const running = { state: 'RUNNING', tasks: [{ state: 'RUNNING' }] }
const group = (change: object) => ({
  group: 'eraser.a',
  health: 'up' as const,
  drainMs: 0,
  why: null,
  ...change,
})
const first = (change: object) => delaysOf([group(change)], running)[0]

describe('the delay of a place', () => {
  it('is what its group still takes', () => {
    expect(first({ drainMs: 5 })).toEqual({ place: 'eraser.a', ms: 5, why: null })
  })

  it('has no end while nobody is in the group, also when nothing waits yet', () => {
    expect(first({ health: 'silent' })).toEqual({ place: 'eraser.a', ms: null, why: 'standing_still' })
  })

  it('is unknown, never nothing, when the group can not be asked', () => {
    expect(first({ health: 'unknown' })).toMatchObject({ ms: null, why: 'unknown' })
    expect(first({ drainMs: null, why: 'too_few_samples' })).toMatchObject({ ms: null, why: 'unknown' })
    expect(first({ drainMs: null, why: 'standing_still' })).toMatchObject({ why: 'standing_still' })
  })

  it('of the outbox has no end unless the connector and all its tasks run', () => {
    expect(delaysOf([], running)).toEqual([{ place: 'outbox', ms: 0, why: null }])
    for (const paused of [
      { state: 'PAUSED', tasks: running.tasks },
      { state: 'RUNNING', tasks: [{ state: 'FAILED' }] },
      { state: 'RUNNING', tasks: [] },
    ])
      expect(delaysOf([], paused)).toMatchObject([{ ms: null, why: 'standing_still' }])
    expect(delaysOf([], { state: null, tasks: null })).toMatchObject([{ ms: null, why: 'unknown' }])
  })
})
