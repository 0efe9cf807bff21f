import { z } from 'zod'
import { partialShards } from './errors.js'
import type { Person } from './people.js'
import { chunkQuery, nameOf, personQuery } from './query.js'
import type { Store } from './store.js'
import type { Target } from './targets.js'

/** What every search says about how much of the index it saw. */
const shards = z.object({ total: z.number(), successful: z.number(), failed: z.number() })
export const searched = z.object({ timed_out: z.boolean(), _shards: shards })
const counted = searched.extend({
  aggregations: z.object({
    people: z.object({ buckets: z.record(z.string(), z.object({ doc_count: z.number() })) }),
  }),
})
const refreshed = z.object({ _shards: shards })

/** Throws a StoreAwayError unless every shard answered in time. */
export function refuseParts(answer: z.output<typeof searched>): void {
  const { failed, successful, total } = answer._shards
  if (answer.timed_out || failed > 0 || successful < total) throw partialShards()
}

/** Makes everything written so far visible to searches, in every copy. Throws when a shard did not take part. */
export async function refresh(store: Store, indices: readonly string[]): Promise<void> {
  for (const names of paths(indices)) {
    const { _shards } = await store.call(refreshed, { method: 'POST', path: `/${names}/_refresh` })
    if (_shards.failed > 0) throw partialShards()
  }
}

/** How many documents of each person a target holds, by `ord`; exact, whatever the number. */
export async function countPeople(
  store: Store,
  target: Target,
  people: readonly Person[],
  signal?: AbortSignal,
): Promise<Map<number, number>> {
  const query = chunkQuery(target, people)
  if (!query) return new Map()
  const filters = Object.fromEntries(
    people.flatMap((person) => {
      const own = personQuery(target, person)
      return own ? [[nameOf(person), own]] : []
    }),
  )
  const answer = await store.call(counted, {
    method: 'POST',
    path: `/${encodeURIComponent(target.index)}/_search`,
    query: { allow_partial_search_results: false },
    body: { size: 0, track_total_hits: false, query, aggs: { people: { filters: { filters } } } },
    ...(signal ? { signal } : {}),
  })
  refuseParts(answer)
  const { buckets } = answer.aggregations.people
  return new Map(people.map((person) => [person.ord, buckets[nameOf(person)]?.doc_count ?? 0]))
}

const health = z.object({ status: z.string(), timed_out: z.boolean() })

/** Throws a StoreAwayError while an index has lost primary shards: calls to those would wait for a long time. */
export async function refuseUnhealthy(store: Store, indices: readonly string[]): Promise<void> {
  for (const names of paths(indices)) {
    const path = `/_cluster/health/${names}`
    const answer = await store.call(health, { method: 'GET', path, query: { timeout: '1s' } })
    if (answer.timed_out || answer.status === 'red') throw partialShards()
  }
}

/** Names in one call: a path has room for about 4,000 characters. */
const NAMES = 12

/** Indices a few at a time, each once, as a path names them. */
export function paths(indices: readonly string[]): string[] {
  const names = [...new Set(indices)].map(encodeURIComponent)
  return Array.from({ length: Math.ceil(names.length / NAMES) }, (_, page) =>
    names.slice(page * NAMES, (page + 1) * NAMES).join(','),
  )
}
