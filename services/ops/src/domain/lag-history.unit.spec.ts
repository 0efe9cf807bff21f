import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  catchUpMs,
  changePerMinute,
  drainMs,
  LagHistory,
  lagMs,
  lastCommitAt,
  type Sample,
  waitsAtLeastMs,
} from './lag-history.js'

/** Looks at a partition that only grows, by a group that only goes on and never beyond the end. */
const looks = fc
  .array(fc.record({ ms: fc.integer({ min: 1, max: 20_000 }), in: fc.nat(50), out: fc.nat(50) }), {
    minLength: 1,
    maxLength: 60,
  })
  .map((steps) => {
    let [at, end, committed] = [1_000_000, 0, 0]
    return steps.map((step): Sample => {
      at += step.ms
      end += step.in
      committed = Math.min(end, committed + step.out)
      return { at, end, committed }
    })
  })

describe('lag in time', () => {
  it('lies between the last look at which the record was not there and the first at which it was', () => {
    fc.assert(
      fc.property(looks, (samples) => {
        const last = samples.at(-1) as Sample
        const found = lagMs(samples)
        if (last.committed === last.end) return void expect(found).toEqual({ value: 0 })
        const present = samples.find(({ end }) => end > last.committed) as Sample
        const absent = samples.findLast(({ end }) => end <= last.committed)
        if (!absent) return void expect(found).toEqual({ value: null, why: 'older_than_watched' })
        expect(found.value).toBeGreaterThanOrEqual(last.at - present.at)
        return void expect(found.value).toBeLessThanOrEqual(last.at - absent.at)
      }),
    )
  })

  it('is interpolated: half of what came in between two looks had come after half of the time', () => {
    const samples = [
      { at: 0, end: 100, committed: 100 },
      { at: 10_000, end: 200, committed: 150 },
    ]
    expect(lagMs(samples)).toEqual({ value: 5_000 })
  })

  it('is unknown, with what is certain, for what was there before the first look', () => {
    const samples = [
      { at: 0, end: 100, committed: 10 },
      { at: 9_000, end: 120, committed: 20 },
    ]
    expect(lagMs(samples)).toEqual({ value: null, why: 'older_than_watched' })
    expect(waitsAtLeastMs(samples)).toBe(9_000)
  })

  it('of nothing seen is unknown, never zero', () => {
    for (const question of [lagMs, changePerMinute, catchUpMs, drainMs, lastCommitAt])
      expect(question([])).toMatchObject({ value: null })
  })
})

describe('the estimate of catching up', () => {
  it('is zero only without lag, and unknown while the lag does not shrink', () => {
    fc.assert(
      fc.property(looks, (samples) => {
        const last = samples.at(-1) as Sample
        const { value } = catchUpMs(samples)
        expect(value === 0).toBe(last.end === last.committed)
        const change = changePerMinute(samples)
        if (last.end > last.committed && change.value !== null && change.value >= 0)
          expect(catchUpMs(samples)).toEqual({ value: null, why: 'not_catching_up' })
      }),
    )
  })

  it('goes on as the last minute went', () => {
    const samples = [
      { at: 0, end: 1_000, committed: 0 },
      { at: 60_000, end: 1_000, committed: 250 },
    ]
    expect(changePerMinute(samples)).toEqual({ value: -250 })
    expect(catchUpMs(samples)).toEqual({ value: 180_000 })
    expect(lastCommitAt(samples)).toEqual({ value: 60_000 })
  })
})

describe('the estimate of what is there now', () => {
  it('holds also while as much comes as goes, and stands still only where nothing goes', () => {
    const steady = [
      { at: 0, end: 100, committed: 40 },
      { at: 30_000, end: 130, committed: 70 },
    ]
    expect(catchUpMs(steady)).toEqual({ value: null, why: 'not_catching_up' })
    expect(drainMs(steady)).toEqual({ value: 60_000 })
    const still = steady.map((sample) => ({ ...sample, committed: 40 }))
    expect(drainMs(still)).toEqual({ value: null, why: 'standing_still' })
    fc.assert(
      fc.property(looks, (samples) => {
        const [drain, catchUp] = [drainMs(samples).value, catchUpMs(samples).value]
        if (drain !== null && catchUp !== null) expect(drain).toBeLessThanOrEqual(catchUp + 1)
      }),
    )
  })
})

describe('the ring', () => {
  it('reaches back as far as it promises, however often somebody looks, and holds no more than its capacity', () => {
    const ring = new LagHistory(10, 1_000)
    for (let at = 1; at <= 100_000; at += 7) ring.add({ at, end: at, committed: 0 })
    expect(ring.samples.length).toBeLessThanOrEqual(10)
    expect((ring.samples.at(-1)?.at ?? 0) - (ring.samples[0]?.at ?? 0)).toBeGreaterThanOrEqual(8_000)
    expect(ring.samples.at(-1)).toMatchObject({ at: ring.samples.at(-1)?.end })
  })

  it('starts anew when the partition was made anew, and leaves out what comes late', () => {
    const ring = new LagHistory()
    ring.add({ at: 1, end: 100, committed: 50 })
    ring.add({ at: 9_000, end: 5, committed: 0 })
    ring.add({ at: 8_000, end: 200, committed: 0 })
    expect(ring.samples).toEqual([{ at: 9_000, end: 5, committed: 0 }])
  })
})
