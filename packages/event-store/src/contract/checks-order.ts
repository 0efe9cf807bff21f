import fc from 'fast-check'
import { expect } from 'vitest'
import { VersionConflict } from '../errors.js'
import type { EventStore, StoredEvent } from '../event-store.js'
import type { Check } from './checks.js'
import { freshStream, numbered, oneTo, readable, readEverything, versionsOf } from './streams.js'

export const pagesVisitEverything: Check = {
  title: 'pages of any size visit every event once, keep the order of each stream, and stay at the end',
  async run(store) {
    const streams = [freshStream('p1'), freshStream('p2'), freshStream('p3')]
    for (let version = 0; version < 5; version++)
      for (const streamId of streams)
        await store.append([{ streamId, expectedVersion: version, events: numbered(1, version + 1) }])
    await readable(store, streams, 15)
    for (const pageSize of [1, 4, 1_000]) {
      const all = await readEverything(store, pageSize)
      for (const streamId of streams)
        expect(versionsOf(all.filter((event) => event.streamId === streamId))).toEqual(oneTo(5))
      const last = all.at(-1)?.position ?? null
      expect(await store.readAll({ after: last, limit: pageSize })).toEqual({
        events: [],
        next: last,
        end: true,
      })
    }
  },
}

/** Appends one event wherever the stream is; a loser reads again and decides again. */
async function appendSomewhere(store: EventStore, streamIds: readonly string[], id: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const batch = await Promise.all(
      streamIds.map(async (streamId) => ({
        streamId,
        expectedVersion: (await store.readStream(streamId)).at(-1)?.version ?? 0,
        events: [{ type: 'Written', data: { id } }],
      })),
    )
    try {
      await store.append(batch)
      return attempt
    } catch (error) {
      if (!(error instanceof VersionConflict) || attempt >= 500) throw error
    }
  }
}

export const overlappingWriters: Check = {
  title: 'writers on overlapping streams never leave a gap, never lose and never double an event',
  async run(store) {
    const plan = fc.array(fc.uniqueArray(fc.nat({ max: 3 }), { minLength: 1, maxLength: 3 }), {
      minLength: 2,
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(plan, async (writes) => {
        const streams = [0, 1, 2, 3].map((n) => freshStream(`overlap${n}`))
        const chosen = writes.map((indexes) =>
          (store.atomicBatches ? indexes : indexes.slice(0, 1)).map((index) => streams[index] ?? ''),
        )
        await Promise.all(chosen.map((ids, writer) => appendSomewhere(store, ids, `w${writer}`)))
        for (const streamId of streams) {
          const events = await store.readStream(streamId)
          const expected = chosen.flatMap((ids, writer) => (ids.includes(streamId) ? [`w${writer}`] : []))
          expect(versionsOf(events)).toEqual(oneTo(expected.length))
          expect(events.map(({ data }) => (data as { id: string }).id).sort()).toEqual(expected.sort())
        }
      }),
      { numRuns: 12 },
    )
  },
}

const total = async (store: EventStore, streamIds: readonly string[]): Promise<number> =>
  (await Promise.all(streamIds.map((id) => store.readStream(id)))).reduce(
    (sum, { length }) => sum + length,
    0,
  )

export const readerMissesNothing: Check = {
  title: 'a reader that pages while writers write misses nothing and sees each stream in order',
  async run(store) {
    const streams = oneTo(6).map((n) => freshStream(`live${n}`))
    // Before the first write, or the reader would begin behind what it is to find.
    const start: string | null = (await readEverything(store, 500)).at(-1)?.position ?? null
    let writing = true
    const seen: StoredEvent[] = []
    const reader = (async () => {
      let after = start
      for (;;) {
        const finished = !writing
        const page = await store.readAll({ after, limit: 7 })
        seen.push(...page.events)
        after = page.next
        if (finished && page.end) return
      }
    })()
    const writes = oneTo(8).map(async (writer) => {
      for (let n = 0; n < 20; n++) {
        const first = streams[(writer + n) % streams.length] ?? ''
        const second = streams[(writer * 3 + n * 2 + 1) % streams.length] ?? ''
        const ids = store.atomicBatches ? [...new Set([first, second])] : [first]
        await appendSomewhere(store, ids, `${writer}-${n}`)
      }
    })
    await Promise.all(writes)
      .then(async () => readable(store, streams, await total(store, streams)))
      .finally(() => {
        writing = false
      })
    await reader
    for (const streamId of streams) {
      const written = await store.readStream(streamId)
      expect(versionsOf(seen.filter((event) => event.streamId === streamId))).toEqual(versionsOf(written))
    }
  },
}
