import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { EventStore, NewEvent, StoredEvent } from '../event-store.js'

/** A stream name nobody used before, so that checks can share one store. */
export const freshStream = (label: string): string => `contract-${label}-${randomUUID()}`

export const numbered = (count: number, from = 1): NewEvent[] =>
  Array.from({ length: count }, (_, index) => ({ type: 'Numbered', data: { n: from + index } }))

export const versionsOf = (events: readonly StoredEvent[]): number[] => events.map(({ version }) => version)

export const oneTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/** Reads the whole log in pages, bounded so that a store without an end fails instead of hanging. */
export async function readEverything(
  store: EventStore,
  pageSize: number,
  maxPages = 10_000,
): Promise<StoredEvent[]> {
  const all: StoredEvent[] = []
  let after: string | null = null
  for (let pages = 0; pages < maxPages; pages++) {
    const page = await store.readAll({ after, limit: pageSize })
    all.push(...page.events)
    if (page.end) return all
    after = page.next
  }
  throw new Error(`readAll did not come to an end in ${maxPages} pages`)
}

/**
 * Waits until a reader from the start sees `count` events of these streams. A store may hold back
 * what was just written, for as long as any older transaction of its server is in flight.
 */
export async function readable(
  store: EventStore,
  streamIds: readonly string[],
  count: number,
): Promise<void> {
  const own = new Set(streamIds)
  let seen = 0
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(10)) {
    seen = (await readEverything(store, 100_000)).filter(({ streamId }) => own.has(streamId)).length
    if (seen >= count) return
  }
  throw new Error(`only ${seen} of ${count} events became readable`)
}
