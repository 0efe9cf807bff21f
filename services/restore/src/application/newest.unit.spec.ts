import { describe, expect, it } from 'vitest'
import { Newest } from './newest.js'

/** Writes that end when they are told to. */
function slow() {
  const begun: number[] = []
  const ends: ((error?: Error) => void)[] = []
  const newest = new Newest<number>((state) => {
    begun.push(state)
    return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())))
  })
  const end = async (error?: Error) => {
    ends.shift()?.(error)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { newest, begun, end }
}

describe('the newest state', () => {
  it('is written at once, and when it has been written nothing is left to wait for', async () => {
    const { newest, begun, end } = slow()
    newest.put(1)
    expect(begun).toEqual([1])
    const written = newest.written()
    await end()
    await expect(written).resolves.toBeUndefined()
    newest.put(2)
    expect(begun).toEqual([1, 2])
  })

  it('follows the write before it, and what it stands for is never written', async () => {
    const { newest, begun, end } = slow()
    for (const state of [1, 2, 3, 4]) newest.put(state)
    let isWritten = false
    const written = newest.written().then(() => {
      isWritten = true
    })
    expect(begun).toEqual([1])
    await end()
    expect(begun).toEqual([1, 4])
    expect(isWritten).toBe(false)
    await end()
    await written
    expect(begun).toEqual([1, 4])
  })

  it('is not written behind a failure, which everybody is told who gives or waits', async () => {
    const { newest, begun, end } = slow()
    newest.put(1)
    newest.put(2)
    const told = expect(newest.written()).rejects.toThrow('the database is away')
    await end(new Error('the database is away'))
    await told
    expect(() => newest.put(3)).toThrow('the database is away')
    await expect(newest.written()).rejects.toThrow('the database is away')
    await expect(newest.idle()).resolves.toBeUndefined()
    expect(begun).toEqual([1])
  })
})
