import { describe, expect, it } from 'vitest'
import { Pace } from './progress.js'

const at = (done: number, more: object = {}) => ({
  restoreId: 'r1',
  run: 1,
  phase: 'replaying',
  done,
  total: 1_000,
  ...more,
})

describe('the progress of a replay', () => {
  it('has no estimate before it was seen moving for long enough, and then the one of its pace', () => {
    const pace = new Pace()
    expect(pace.progress(at(100), 0)).toEqual({
      done: 100,
      total: 1_000,
      leftMs: null,
      unknown: { leftMs: 'too_few_samples' },
    })
    expect(pace.progress(at(200), 1_000).leftMs).toBeNull()
    expect(pace.progress(at(300), 2_000)).toMatchObject({ leftMs: 7_000, unknown: {} })
  })

  it('that stands still says so, and promises no end', () => {
    const pace = new Pace()
    pace.progress(at(100), 0)
    expect(pace.progress(at(100), 60_000)).toMatchObject({
      leftMs: null,
      unknown: { leftMs: 'standing_still' },
    })
  })

  it('starts anew with another phase, another run, and one that went back', () => {
    const pace = new Pace()
    pace.progress(at(900), 0)
    for (const other of [at(950, { phase: 'probing' }), at(950, { run: 2 }), at(10)])
      expect(pace.progress(other, 10_000).unknown).toEqual({ leftMs: 'too_few_samples' })
  })

  it('never shows more done than there is, and ends with nothing left', () => {
    expect(new Pace().progress(at(1_200), 0)).toEqual({ done: 1_200, total: 1_200, leftMs: 0, unknown: {} })
  })

  it('remembers a bounded number of replays', () => {
    const pace = new Pace()
    pace.progress(at(0), 0)
    for (let n = 0; n < 1_000; n++) pace.progress(at(0, { restoreId: `other-${n}` }), 0)
    expect(pace.progress(at(500), 10_000).unknown).toEqual({ leftMs: 'too_few_samples' })
  })
})
