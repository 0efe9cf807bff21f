import { describe, expect, it } from 'vitest'
import { Shared, SharedBy } from './shared.js'

/** A work whose ends the spec decides on, under a clock of its own. */
function stand() {
  let clock = 0
  const ends: ((value: number) => void)[] = []
  const shared = new Shared(
    () => new Promise<number>((resolve) => ends.push(resolve)),
    () => clock,
  )
  return {
    shared,
    at: (ms: number) => {
      clock = ms
    },
    begun: () => ends.length,
    end: async (value: number) => {
      ends.at(-1)?.(value)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

describe('a shared answer', () => {
  it('is given again while it is young enough for who asks', async () => {
    const { shared, at, begun, end } = stand()
    const first = shared.read(0)
    await end(1)
    at(900)
    expect(await shared.read(1_000)).toEqual(await first)
    at(1_001)
    void shared.read(1_000)
    expect(begun()).toBe(2)
  })

  it('is never one that began to be read before the question, where none may be', async () => {
    const { shared, at, begun, end } = stand()
    void shared.read(0)
    at(5)
    const mine = shared.read(0)
    const another = shared.read(0)
    expect(begun()).toBe(1)
    await end(1)
    expect(begun()).toBe(2)
    await end(2)
    expect(await mine).toEqual({ startedAt: 5, value: 2 })
    expect(await another).toEqual(await mine)
    expect(begun()).toBe(2)
  })

  it('dates from before the first reading, and a failure is nobody else’s', async () => {
    let fail = true
    const shared = new Shared(async () => {
      if (fail) throw new Error('down')
      return 1
    })
    const failed = shared.read(0)
    const next = shared.read(0)
    await expect(failed).rejects.toThrow('down')
    fail = false
    await expect(next.catch(() => shared.read(0))).resolves.toMatchObject({ value: 1 })
  })
})

describe('shared answers by question', () => {
  it('are given to the same question only, and kept for so many questions as there is room for', async () => {
    const asked: string[] = []
    const work = async (tenants: readonly string[]) => asked.push(tenants.join(' '))
    const shared = new SharedBy(work, 2)
    for (const tenants of [['a', 'b'], ['a,b'], ['a', 'b']]) await shared.read(tenants, 60_000)
    expect(asked).toEqual(['a b', 'a,b'])
    await shared.read(['c'], 60_000)
    expect(shared.size).toBe(2)
    await shared.read(['a', 'b'], 60_000)
    expect(asked).toEqual(['a b', 'a,b', 'c'])
  })
})
