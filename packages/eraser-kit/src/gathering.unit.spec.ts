import { BatchContext, type Verdict } from '@lethe/messaging'
import { PausedError } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { Gathering } from './gathering.js'

/** The transport's own context, whose heartbeat is a method. */
class Held extends BatchContext {
  beats = 0
  private constructor(private readonly abort: AbortController) {
    super('group', 'erasure.requested', 0, { from: '0', next: '1' }, abort.signal, async () => {
      this.beats += 1
    })
  }
  static open(): Held {
    return new Held(new AbortController())
  }
  lose(): void {
    this.abort.abort()
  }
}
const context = () => Held.open()
const bad: Verdict = { ok: false, error: new Error('bad item') }
const limits = { atOnce: 1, most: 10 }

describe('batches of several partitions', () => {
  it('are done together, and each gets the verdicts of its own items', async () => {
    const calls: number[][] = []
    const gathering = new Gathering<number>(async (items) => {
      calls.push([...items])
      return items.map((item): Verdict => (item === 3 ? bad : { ok: true }))
    }, limits)
    const verdicts = await Promise.all([[1, 2], [3], [4]].map((items) => gathering.handle(items, context())))
    expect(calls).toEqual([[1, 2, 3, 4]])
    expect(verdicts).toEqual([[{ ok: true }, { ok: true }], [bad], [{ ok: true }]])
  })

  it('are bounded, and come alone when they are larger', async () => {
    const sizes: number[] = []
    const gathering = new Gathering<number>(async (items) => {
      sizes.push(items.length)
      return items.map((): Verdict => ({ ok: true }))
    }, limits)
    await Promise.all([6, 5, 12, 1].map((count) => gathering.handle(Array<number>(count).fill(0), context())))
    expect(sizes).toEqual([6, 5, 12, 1])
  })

  it('fail alone: the others of a call that threw are done', async () => {
    const gathering = new Gathering<string>(async (items) => {
      if (items.includes('poison')) throw new Error('poison')
      return items.map((): Verdict => ({ ok: true }))
    }, limits)
    const settled = await Promise.allSettled(
      ['one', 'poison', 'two'].map((item) => gathering.handle([item], context())),
    )
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })

  it('pause together, and what is away is not asked once more for each', async () => {
    let asked = 0
    const gathering = new Gathering<string>(async () => {
      asked++
      throw new PausedError('request_unreachable', 'away')
    }, limits)
    const settled = await Promise.allSettled(
      ['one', 'two'].map((item) => gathering.handle([item], context())),
    )
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(asked).toBe(1)
  })

  it('keep every member alive, and stop when one of them has lost its partition', async () => {
    const [first, second] = [context(), context()]
    const gathering = new Gathering<string>(async (items, { signal, heartbeat }) => {
      await heartbeat()
      second.lose()
      expect(signal.aborted).toBe(true)
      return items.map((): Verdict => ({ ok: true }))
    }, limits)
    await Promise.all([gathering.handle(['one'], first), gathering.handle(['two'], second)])
    expect([first.beats, second.beats]).toEqual([1, 1])
  })
})
