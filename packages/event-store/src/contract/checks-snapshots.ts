import fc from 'fast-check'
import { expect } from 'vitest'
import type { Check } from './checks.js'
import { freshStream, numbered } from './streams.js'

export const keepsNewestSnapshot: Check = {
  title: 'the newest snapshot of a stream is kept, and one of another fold is not given out',
  async run(store) {
    const streamId = freshStream('snapshot')
    const at = (version: number, foldVersion: number) => ({
      streamId,
      version,
      foldVersion,
      state: { z: version, a: 1 },
    })
    const loaded = async (foldVersion: number) =>
      (await store.loadSnapshots([streamId], foldVersion)).get(streamId)
    expect(await loaded(1)).toBeUndefined()
    await store.saveSnapshots([at(10, 1)])
    await store.saveSnapshots([at(5, 1)])
    expect(await loaded(1)).toEqual(at(10, 1))
    expect(JSON.stringify((await loaded(1))?.state)).toBe('{"z":10,"a":1}')
    expect(await loaded(2)).toBeUndefined()
    await store.saveSnapshots([at(10, 2)])
    expect(await loaded(2)).toEqual(at(10, 2))
    expect(await loaded(1)).toBeUndefined()
  },
}

/** Depends on order and on every event, so that a lost, doubled or swapped one shows. */
const digest = (state: number, data: unknown): number => (state * 31 + (data as { n: number }).n) % 1_000_003

export const foldsFromAnyCut: Check = {
  title: 'snapshot and tail fold to the same state as the whole stream, for any cut',
  async run(store) {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), fc.nat(), async (length, seed) => {
        const cut = 1 + (seed % length)
        const streamId = freshStream('cut')
        const events = numbered(length, seed % 1_000)
        await store.append([{ streamId, expectedVersion: 0, events }])
        const live = events.reduce((state, { data }) => digest(state, data), 0)
        const state = events.slice(0, cut).reduce((folded, { data }) => digest(folded, data), 0)
        await store.saveSnapshots([{ streamId, version: cut, foldVersion: 1, state: { state } }])
        const snapshot = (await store.loadSnapshots([streamId], 1)).get(streamId)
        const tail = await store.readStream(streamId, { afterVersion: snapshot?.version ?? 0 })
        const base = (snapshot?.state as { state: number } | undefined)?.state ?? 0
        expect(tail.reduce((folded, { data }) => digest(folded, data), base)).toBe(live)
      }),
      { numRuns: 20 },
    )
  },
}
