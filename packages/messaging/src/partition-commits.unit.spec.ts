import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PartitionCommits } from './partition-commits.js'

const broker = () => {
  const offsets: string[] = []
  let away = false
  let generation = 1
  const at = (next: bigint) => {
    const mine = generation
    return {
      next,
      isCurrent: () => generation === mine,
      delivery: {
        commit: async (offset: string) => {
          if (away) throw new Error('the broker is away')
          offsets.push(offset)
        },
      },
    }
  }
  return {
    offsets,
    at,
    away: (value: boolean) => {
      away = value
    },
    rejoin: () => {
      generation += 1
    },
  }
}

describe('the offsets of a partition', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
  afterEach(() => void vi.useRealTimers())

  it('commits many small batches once, with the last offset, within an interval', async () => {
    const { offsets, at } = broker()
    const commits = new PartitionCommits(500)
    await commits.now(at(1n))
    for (const next of [2n, 3n, 4n]) commits.soon(at(next))
    await vi.advanceTimersByTimeAsync(499)
    expect(offsets).toEqual(['1'])
    await vi.advanceTimersByTimeAsync(1)
    expect(offsets).toEqual(['1', '4'])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(offsets).toEqual(['1', '4'])
  })

  it('commits at once what waits when the consumer leaves', async () => {
    const { offsets, at } = broker()
    const commits = new PartitionCommits(500)
    await commits.now(at(1n))
    commits.soon(at(2n))
    await commits.end(true)
    expect(offsets).toEqual(['1', '2'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('tries again when the broker was away and nothing new came', async () => {
    const { offsets, at, away } = broker()
    const commits = new PartitionCommits(500)
    await commits.now(at(1n))
    away(true)
    commits.soon(at(2n))
    await vi.advanceTimersByTimeAsync(2_000)
    expect(offsets).toEqual(['1'])
    away(false)
    await vi.advanceTimersByTimeAsync(500)
    expect(offsets).toEqual(['1', '2'])
  })

  it('does not try for ever for a consumer that has left or died', async () => {
    for (const alive of [true, false]) {
      const { at, away } = broker()
      const commits = new PartitionCommits(500)
      await commits.now(at(1n))
      away(true)
      commits.soon(at(2n))
      await commits.end(alive)
      expect(vi.getTimerCount()).toBe(0)
    }
  })

  it('does not go back to an offset that failed when a newer one was committed meanwhile', async () => {
    const { offsets, at } = broker()
    const commits = new PartitionCommits(500)
    await commits.now(at(1n))
    let refuse = () => {}
    const slow = at(2n)
    slow.delivery.commit = () =>
      new Promise((_, reject) => {
        refuse = () => reject(new Error('too late'))
      })
    commits.soon(slow)
    await vi.advanceTimersByTimeAsync(500)
    await commits.now(at(3n))
    refuse()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(offsets).toEqual(['1', '3'])
  })

  it('never commits for a generation of the group that is over', async () => {
    const { offsets, at, rejoin } = broker()
    const commits = new PartitionCommits(500)
    await commits.now(at(1n))
    commits.soon(at(2n))
    rejoin()
    commits.forget()
    await vi.advanceTimersByTimeAsync(1_000)
    const late = at(3n)
    rejoin()
    await commits.now(late)
    expect(offsets).toEqual(['1'])
  })
})
