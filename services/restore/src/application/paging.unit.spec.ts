import { describe, expect, it } from 'vitest'
import { counted, nothing } from '../domain/tally.js'
import { PageExpired } from './applying.js'
import { type Done, inPages, type Paging } from './paging.js'
import type { LiveTombstone, TombstonePage } from './tombstone-source.js'

const PEOPLE = 23
const idOf = (n: number) => String(n).padStart(3, '0')
const all = Array.from({ length: PEOPLE }, (_, n): LiveTombstone => {
  return { tombstoneId: idOf(n), requestId: `r${n}`, mapVersion: 1, held: false, subject: null }
})

interface Recorded {
  readonly cursor: string
  readonly tombstones: number
}

function course(begun = '', more: Partial<Paging> = {}) {
  const recorded: Recorded[] = []
  const read: number[] = []
  const paging: Paging = {
    begun: { ...nothing, cursor: begun },
    limit: 4,
    lanes: 2,
    signal: new AbortController().signal,
    read: async (after, limit) => {
      read.push(limit)
      return { validUntil: 0, tombstones: all.filter((one) => one.tombstoneId > after).slice(0, limit) }
    },
    record: async (cursor, { tombstones }) => {
      recorded.push({ cursor, tombstones })
    },
    ...more,
  }
  return { paging, recorded, read }
}
const doneWith = ({ tombstones }: TombstonePage): Done => ({
  added: (tally) =>
    counted(
      tally,
      tombstones.map(() => ({ is: 'changed' })),
    ),
  replayed: [],
})
const firstOf = ({ tombstones }: TombstonePage) => Number(tombstones[0]?.tombstoneId)
const soon = () => new Promise((resolve) => setImmediate(resolve))

describe('pages that are worked on at once', () => {
  it('are recorded in their order, each behind the one before it, whichever is done first', async () => {
    const { paging, recorded } = course()
    let [now, most] = [0, 0]
    const tally = await inPages(paging, async (page) => {
      most = Math.max(most, ++now)
      // Every second page is done before the one before it.
      for (let turns = firstOf(page) % 8 === 0 ? 20 : 1; turns > 0; turns--) await soon()
      now--
      return doneWith(page)
    })
    expect(tally).toMatchObject({ tombstones: PEOPLE, replayed: PEOPLE })
    expect(recorded).toEqual([4, 8, 12, 16, 20, 23].map((n) => ({ cursor: idOf(n - 1), tombstones: n })))
    expect(most).toBe(2)
  })

  it('begin behind the cursor, and are none where nobody is left', async () => {
    const { paging, recorded } = course(idOf(20))
    expect(await inPages(paging, async (page) => doneWith(page))).toMatchObject({ tombstones: 2 })
    const none = course(idOf(PEOPLE - 1))
    expect(await inPages(none.paging, async (page) => doneWith(page))).toMatchObject({ tombstones: 0 })
    expect([recorded.length, none.recorded.length]).toEqual([1, 0])
  })

  it('end in a smaller one when their minute is over: what came behind is done again, and nobody counts twice', async () => {
    const { paging, recorded, read } = course()
    const slots: number[] = []
    const tally = await inPages(paging, async (page, slot) => {
      if (firstOf(page) === 4 && page.tombstones.length === 4) {
        await soon()
        throw new PageExpired()
      }
      slots.push(slot)
      return doneWith(page)
    })
    expect(tally).toMatchObject({ tombstones: PEOPLE })
    expect(recorded.map(({ tombstones }) => tombstones)).toEqual([
      4,
      ...Array.from({ length: 19 }, (_, n) => n + 5),
    ])
    expect(read).toContain(1)
    // The page behind the one that ended too late keeps its receipt until all of its people are done.
    const kept = slots[1] as number
    expect(slots.slice(2, 7)).not.toContain(kept)
    expect(slots.slice(7)).toContain(kept)
  })

  it('leave nothing going on behind a failure, and record nothing that comes after it', async () => {
    const { paging, recorded } = course()
    let under = 0
    const failing = inPages(paging, async (page) => {
      under++
      await soon()
      if (firstOf(page) === 4) throw new Error('the store is away')
      for (let turns = 0; turns < 10; turns++) await soon()
      under--
      return doneWith(page)
    })
    await expect(failing).rejects.toThrow('the store is away')
    expect(under).toBe(1)
    expect(recorded.map(({ tombstones }) => tombstones)).toEqual([4])
    const unrecorded = course('', { record: () => Promise.reject(new Error('killed')) })
    await expect(inPages(unrecorded.paging, async (page) => doneWith(page))).rejects.toThrow('killed')
  })
})
