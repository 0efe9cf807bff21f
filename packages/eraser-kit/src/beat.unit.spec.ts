import { describe, expect, it } from 'vitest'
import { type Beat, Beats, type Tally } from './beat.js'
import { ofEraser, ofProbe, passesTotal, probesTotal } from './metrics.js'

function beating(more: { tally?: () => Promise<Tally> } = {}) {
  const told: Beat[] = []
  const clock = { now: 1_000 }
  const beats = new Beats({
    systemId: 'shop-pg',
    role: 'erase',
    instance: 'i1',
    version: '1.2.3',
    store: () => 'ok',
    pacing: () => null,
    tell: async (beat) => void told.push(beat),
    now: () => clock.now,
    ...more,
  })
  return { beats, told, clock }
}

describe('a beat', () => {
  it('counts over the last minute, and over less while the process is younger', async () => {
    const total = { done: 0, failed: 0 }
    const { beats, told, clock } = beating({ tally: async () => ({ ...total }) })
    for (let n = 1; n <= 12; n++) {
      clock.now += 10_000
      total.done += 5
      total.failed += 1
      await beats.beat()
    }
    expect(told[0]).toMatchObject({
      windowMs: 10_000,
      done: 5,
      failed: 1,
      startedAt: 1_000,
      version: '1.2.3',
    })
    expect(told.at(-1)).toMatchObject({ windowMs: 60_000, done: 30, failed: 6 })
  })

  it('of which nobody heard is made up for by the next', async () => {
    const total = { done: 0, failed: 0 }
    let away = true
    const told: Beat[] = []
    const beats = new Beats({
      ...{ systemId: 's', role: 'erase', instance: 'i', version: '1' },
      store: () => null,
      pacing: () => null,
      tally: async () => ({ ...total }),
      tell: async (beat) => {
        if (away) throw new Error('away')
        told.push(beat)
      },
    })
    total.done = 3
    await expect(beats.beat()).rejects.toThrow('away')
    away = false
    total.done = 4
    await beats.beat()
    expect(told).toMatchObject([{ done: 4, store: null }])
  })

  it('is made of what this deployment counted, not of another in the same process nor of refusals', async () => {
    const own = ofEraser('beat-spec')
    passesTotal.inc({ ...own, outcome: 'erased' }, 4)
    passesTotal.inc({ ...own, outcome: 'failed' }, 2)
    passesTotal.inc({ ...own, outcome: 'never' }, 9)
    passesTotal.inc({ ...ofEraser('another'), outcome: 'erased' }, 100)
    probesTotal.inc({ ...ofProbe('beat-spec'), result: 'inconclusive' }, 3)
    const of = async (role: 'erase' | 'probe') => {
      const told: Beat[] = []
      const beats = new Beats({
        ...{ systemId: 'beat-spec', role, instance: 'i', version: '1' },
        store: () => 'ok',
        pacing: () => null,
        tell: async (beat) => void told.push(beat),
      })
      await beats.beat()
      return told[0]
    }
    expect(await of('erase')).toMatchObject({ done: 4, failed: 2 })
    expect(await of('probe')).toMatchObject({ done: 0, failed: 3 })
  })
})
