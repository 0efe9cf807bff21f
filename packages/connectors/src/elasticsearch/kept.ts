import type { Outcome } from '@lethe/eraser-kit'
import { z } from 'zod'
import { refuseParts, searched } from './look.js'
import type { Person } from './people.js'
import { chunkQuery, keptQuery, nameOf, personKeptQuery, type Query } from './query.js'
import { keptUntil } from './retention.js'
import type { Store } from './store.js'
import type { Target } from './targets.js'

export type Part = NonNullable<Outcome['retained']>[number]
/** What of one person a law keeps in one target. A document kept by two ways counts once and has two parts. */
export interface Kept {
  readonly documents: number
  readonly parts: readonly Part[]
}
export const NOTHING_KEPT: Kept = { documents: 0, parts: [] }

const bucket = z
  .object({ doc_count: z.number() })
  .catchall(z.union([z.number(), z.object({ value: z.number().nullable() })]))
const counted = searched.extend({
  aggregations: z.object({ kept: z.object({ buckets: z.record(z.string(), bucket) }) }),
})

/** How many documents of each person a target keeps, on what grounds and until when, by `ord`. */
export async function countKept(
  store: Store,
  target: Target,
  people: readonly Person[],
): Promise<Map<number, Kept>> {
  const query = target.kept.length === 0 ? null : chunkQuery(target, people, personKeptQuery)
  if (!query) return new Map()
  const filters = Object.fromEntries(people.flatMap((person) => filtersOf(target, person)))
  const latest = Object.fromEntries(
    target.kept.flatMap(({ until }, at) =>
      'from' in until ? [[`latest${at}`, { max: { field: until.from } }]] : [],
    ),
  )
  const answer = await store.call(counted, {
    method: 'POST',
    path: `/${encodeURIComponent(target.index)}/_search`,
    query: { allow_partial_search_results: false },
    body: {
      size: 0,
      track_total_hits: false,
      query,
      aggs: { kept: { filters: { filters }, aggs: latest } },
    },
  })
  refuseParts(answer)
  const { buckets } = answer.aggregations.kept
  return new Map(people.map((person) => [person.ord, keptOf(target, person, buckets)]))
}

/** One filter for the person and one for each way: grounds and dates are the ways'. */
function filtersOf(target: Target, person: Person): [string, Query][] {
  const all = personKeptQuery(target, person)
  if (!all) return []
  const each = target.kept.flatMap((way, at): [string, Query][] =>
    keptQuery(way, person).map((query) => [wayName(person, at), query]),
  )
  return [[nameOf(person), all], ...each]
}

const wayName = (person: Person, at: number) => `${nameOf(person)}.${at}`

function keptOf(
  target: Target,
  person: Person,
  buckets: Readonly<Record<string, z.output<typeof bucket>>>,
): Kept {
  const parts = target.kept.flatMap(({ until, part }, at): Part[] => {
    const own = buckets[wayName(person, at)]
    if (!own || own.doc_count === 0) return []
    const latest = own[`latest${at}`]
    return [{ ...part, until: keptUntil(until, typeof latest === 'object' ? latest.value : null) }]
  })
  return { documents: buckets[nameOf(person)]?.doc_count ?? 0, parts }
}
