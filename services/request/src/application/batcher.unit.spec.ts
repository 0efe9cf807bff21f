import { describe, expect, it } from 'vitest'
import { Batcher } from './batcher.js'

const limits = { maxBatch: 10, concurrency: 1, maxInFlight: 100 }

describe('batching', () => {
  it('does what arrives together in one call, and answers each its own', async () => {
    const sizes: number[] = []
    const batcher = new Batcher<number, number>(async (items) => {
      sizes.push(items.length)
      return items.map((item) => item * 2)
    }, limits)
    const answers = await Promise.all(Array.from({ length: 25 }, (_, i) => batcher.submit(i)))
    expect(answers).toEqual(Array.from({ length: 25 }, (_, i) => i * 2))
    expect(sizes).toEqual([10, 10, 5])
  })

  it('fills a batch by weight, and takes what is too heavy alone', async () => {
    const batches: string[][] = []
    const batcher = new Batcher<string, string>(
      async (items) => {
        batches.push([...items])
        return items
      },
      { ...limits, weightOf: (item) => item.length },
    )
    const items = ['123456', '1234', '1', '12345678901', '12']
    await Promise.all(items.map((item) => batcher.submit(item)))
    expect(batches).toEqual([['123456', '1234'], ['1'], ['12345678901'], ['12']])
  })

  it('turns away what is above the bound, and takes again once there is room', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const batcher = new Batcher<number, number>(
      async (items) => {
        await gate
        return items
      },
      { ...limits, maxInFlight: 2 },
    )
    const first = [batcher.submit(1), batcher.submit(2)]
    expect(batcher.submit(3)).toBeNull()
    release()
    expect(await Promise.all(first)).toEqual([1, 2])
    expect(await batcher.submit(3)).toBe(3)
  })

  it('fails only the item that is bad', async () => {
    const batcher = new Batcher<number, number>(async (items) => {
      if (items.includes(13)) throw new Error('bad item')
      return items
    }, limits)
    const answers = await Promise.allSettled([1, 13, 2].map((item) => batcher.submit(item)))
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})
