import { expect } from 'vitest'
import type { Check } from './checks.js'
import { freshStream, numbered, oneTo, versionsOf } from './streams.js'

export const versionsHaveNoGaps: Check = {
  title: 'a stream starts at version 1 and goes on without gaps',
  async run(store) {
    const streamId = freshStream('gapless')
    expect(await store.append([{ streamId, expectedVersion: 0, events: numbered(3) }])).toEqual([
      { streamId, version: 3 },
    ])
    expect(await store.append([{ streamId, expectedVersion: 3, events: numbered(2, 4) }])).toEqual([
      { streamId, version: 5 },
    ])
    const events = await store.readStream(streamId)
    expect(versionsOf(events)).toEqual(oneTo(5))
    expect(events.map(({ data }) => data)).toEqual(numbered(5).map(({ data }) => data))
  },
}

export const dataSurvives: Check = {
  title: 'data comes back as it was written, its keys in the same order',
  async run(store) {
    const streamId = freshStream('data')
    const data = {
      zebra: 1,
      a: [null, true, -0.5, 1_763_721_600_000, Number.MAX_SAFE_INTEGER],
      text: 'quotes " \' backslash \\ braces {,} NULL, umlaut ü, 漢字, 🙂, line\nend',
      empty: {},
      10: 'a key that looks like a number',
    }
    await store.append([{ streamId, expectedVersion: 0, events: [{ type: 'Mixed', data }] }])
    const [event] = await store.readStream(streamId)
    expect(event).toMatchObject({ streamId, version: 1, type: 'Mixed' })
    expect(JSON.stringify(event?.data)).toBe(JSON.stringify(data))
  },
}

export const readsFromAnyVersion: Check = {
  title: 'a stream is read after any version and up to any limit; an unknown stream is empty',
  async run(store) {
    const streamId = freshStream('read')
    await store.append([{ streamId, expectedVersion: 0, events: numbered(6) }])
    expect(versionsOf(await store.readStream(streamId, { afterVersion: 4 }))).toEqual([5, 6])
    expect(versionsOf(await store.readStream(streamId, { afterVersion: 1, limit: 2 }))).toEqual([2, 3])
    expect(versionsOf(await store.readStream(streamId, { afterVersion: 6 }))).toEqual([])
    expect(await store.readStream(freshStream('unknown'))).toEqual([])
  },
}
