import { expect } from 'vitest'
import { VersionConflict } from '../errors.js'
import type { EventStore, StreamAppend } from '../event-store.js'
import type { Check } from './checks.js'
import { freshStream, numbered, versionsOf } from './streams.js'

export const refusesMalformed: Check = {
  title: 'a batch that is empty, holds a stream without events or one stream twice is refused',
  async run(store) {
    const streamId = freshStream('malformed')
    const good: StreamAppend = { streamId, expectedVersion: 0, events: numbered(1) }
    const bad: StreamAppend[][] = [
      [],
      [{ ...good, events: [] }],
      [{ ...good, expectedVersion: -1 }],
      [good, { ...good, expectedVersion: 1 }],
    ]
    for (const batch of bad) await expect(refusal(store, batch)).resolves.toBeInstanceOf(TypeError)
    expect(await store.readStream(streamId)).toEqual([])
  },
}

export const refusesWrongVersions: Check = {
  title: 'an append at any version but the expected one is a conflict and writes nothing',
  async run(store) {
    const streamId = freshStream('conflict')
    await expect(
      refusal(store, [{ streamId, expectedVersion: 2, events: numbered(1) }]),
    ).resolves.toBeInstanceOf(VersionConflict)
    await store.append([{ streamId, expectedVersion: 0, events: numbered(2) }])
    for (const expectedVersion of [0, 1, 3])
      await expect(
        refusal(store, [{ streamId, expectedVersion, events: numbered(3, 9) }]),
      ).resolves.toBeInstanceOf(VersionConflict)
    expect(versionsOf(await store.readStream(streamId))).toEqual([1, 2])
  },
}

export const allOrNothing: Check = {
  title: 'a batch over many streams is written whole or not at all',
  async run(store) {
    const [a, b, c] = [freshStream('a'), freshStream('b'), freshStream('c')]
    const batch = [a, b, c].map((streamId) => ({ streamId, expectedVersion: 0, events: numbered(2) }))
    if (!store.atomicBatches) {
      await expect(refusal(store, batch)).resolves.toBeInstanceOf(Error)
      for (const streamId of [a, b, c]) expect(await store.readStream(streamId)).toEqual([])
      return
    }
    await store.append([{ streamId: b, expectedVersion: 0, events: numbered(1) }])
    await expect(refusal(store, batch)).resolves.toMatchObject({ code: 'version_conflict' })
    expect(await store.readStream(a)).toEqual([])
    expect(versionsOf(await store.readStream(b))).toEqual([1])
    expect(await store.readStream(c)).toEqual([])
    await store.append(
      batch.map((entry) => (entry.streamId === b ? { ...entry, expectedVersion: 1 } : entry)),
    )
    expect(versionsOf(await store.readStream(a))).toEqual([1, 2])
    expect(versionsOf(await store.readStream(b))).toEqual([1, 2, 3])
  },
}

export const oneWriterWins: Check = {
  title: 'of many writers at the same version exactly one wins, on a new stream and on an old one',
  async run(store) {
    const streamId = freshStream('race')
    for (const expectedVersion of [0, 1, 2]) {
      const writers = Array.from({ length: 8 }, (_, writer) =>
        store.append([{ streamId, expectedVersion, events: [{ type: 'Raced', data: { writer } }] }]),
      )
      const results = await Promise.allSettled(writers)
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(VersionConflict)
      expect(await store.readStream(streamId)).toHaveLength(expectedVersion + 1)
    }
  },
}

async function refusal(store: EventStore, batch: readonly StreamAppend[]): Promise<unknown> {
  try {
    return await store.append(batch)
  } catch (error) {
    return error
  }
}
