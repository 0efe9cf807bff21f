import { z } from 'zod'
import { type Failure, meaningOf, partialShards } from './errors.js'
import { refuseParts, searched } from './look.js'
import type { Person } from './people.js'
import { chunkQuery, nameOf, type Query, wayQuery } from './query.js'
import { type RedactionProblem, redaction } from './redaction.js'
import type { Store } from './store.js'
import type { Target } from './targets.js'

/** Documents one call changes: few enough to be done well within a grant. */
const PAGE = 500
/** Calls one chunk of people may take. */
const MOST_PAGES = 10_000
const KEEP_ALIVE = '1m'

/** What was done to some people in one target. */
export interface Removal {
  /** Documents changed per `ord`; null when the store only said how many there were of all together. */
  readonly changed: ReadonlyMap<number, number> | null
  readonly total: number
  /** What went wrong, per `ord`; under `everyone` what can't be laid at one person's door. */
  readonly failures: ReadonlyMap<number | 'everyone', Failure>
}

/** Says before each changing call whether it may be sent. */
export type Permission = () => Failure | null

/** Deletes on the server, in calls of at most `PAGE` documents, so that none outlives its grant by much. */
export async function deleteByQuery(
  store: Store,
  target: Target,
  people: readonly Person[],
  may: Permission,
): Promise<Removal> {
  const query = chunkQuery(target, people)
  let total = 0
  for (let page = 0; query && page < MOST_PAGES; page++) {
    const refused = may()
    if (refused) return { changed: null, total, failures: new Map([['everyone', refused]]) }
    const answer = await store.call(deletedByQuery, {
      method: 'POST',
      path: `/${encodeURIComponent(target.index)}/_delete_by_query`,
      // Conflicts are counted, not skipped: they are failures of whoever still has documents afterwards.
      query: { conflicts: 'proceed', wait_for_completion: true, max_docs: PAGE, scroll_size: PAGE },
      body: { query },
    })
    total += answer.deleted
    const failure = failureIn(answer)
    if (failure) return { changed: null, total, failures: new Map([['everyone', failure]]) }
    if (answer.deleted < PAGE) break
  }
  return { changed: null, total, failures: new Map() }
}

const deletedByQuery = z.object({
  timed_out: z.boolean(),
  deleted: z.number(),
  version_conflicts: z.number(),
  failures: z.array(
    z.object({ status: z.number().optional(), cause: z.object({ type: z.string() }).optional() }),
  ),
})

/** What a deletion by query says of itself beside its count; null when all of it went well. */
export function failureIn(answer: z.output<typeof deletedByQuery>): Failure | null {
  const [first] = answer.failures
  if (first) return meaningOf(first.status ?? 500, first.cause?.type ?? 'none')
  if (answer.timed_out) return { code: 'timeout', errorClass: 'retryable' }
  if (answer.version_conflicts > 0) return { code: 'version_conflict', errorClass: 'retryable' }
  return null
}

const hit = z.object({
  _id: z.string(),
  _routing: z.string().optional(),
  _seq_no: z.number(),
  _primary_term: z.number(),
  _source: z.record(z.string(), z.unknown()).optional(),
  sort: z.array(z.unknown()),
  matched_queries: z.array(z.string()).default([]),
})
type Hit = z.output<typeof hit>
const page = searched.extend({ hits: z.object({ hits: z.array(hit) }), pit_id: z.string().optional() })

/**
 * Finds in one frozen view of the index and changes each document as it was seen: a document that changed
 * meanwhile is a version conflict, never overwritten. Deletes, or redacts, as the target says.
 */
export async function changeBySequence(
  store: Store,
  target: Target,
  people: readonly Person[],
  may: Permission,
): Promise<Removal> {
  const changed = new Map<number, number>()
  const failures = new Map<number | 'everyone', Failure>()
  const query = chunkQuery(target, people)
  if (!query) return { changed, total: 0, failures }
  const view = await openView(store, target.index)
  try {
    let after: readonly unknown[] | null = null
    for (let turn = 0; turn < MOST_PAGES; turn++) {
      const hits = await nextPage(store, view, target, namedQuery(target, people, query), after)
      if (hits.length === 0) break
      const refused = may()
      if (refused) {
        failures.set('everyone', refused)
        break
      }
      await changePage(store, target, people, hits, changed, failures)
      after = hits.at(-1)?.sort ?? null
    }
  } finally {
    await closeView(store, view)
  }
  return { changed, total: [...changed.values()].reduce((sum, count) => sum + count, 0), failures }
}

/** Redactions also ask by which ways a document leads to a person: each way replaces its own fields. */
function namedQuery(target: Target, people: readonly Person[], query: Query): Query {
  if (target.method !== 'redact') return query
  // One name stands for one query only, so everybody's share one.
  const ways = target.ways.flatMap((way, at) => {
    const anybody = people.flatMap((person) => wayQuery(way, person))
    return anybody.length > 0 ? [{ bool: { should: anybody, minimum_should_match: 1, _name: `w${at}` } }] : []
  })
  return { bool: { filter: [query], should: ways } }
}

async function changePage(
  store: Store,
  target: Target,
  people: readonly Person[],
  hits: readonly Hit[],
  changed: Map<number, number>,
  failures: Map<number | 'everyone', Failure>,
): Promise<void> {
  const owners = (one: Hit) => people.filter((person) => one.matched_queries.includes(nameOf(person)))
  const blame = (one: Hit, failure: Failure) => {
    for (const { ord } of owners(one)) failures.set(ord, failure)
  }
  const sent: Hit[] = []
  const lines: unknown[] = []
  for (const one of hits) {
    const own = linesFor(target, one, owners(one))
    if (typeof own === 'string') {
      blame(one, { code: own, errorClass: 'terminal' })
      continue
    }
    sent.push(one)
    lines.push(...own)
  }
  if (sent.length === 0) return
  const answer = await store.call(bulkAnswer, { method: 'POST', path: '/_bulk', lines })
  if (answer.items.length !== sent.length) throw partialShards()
  for (const [at, one] of sent.entries()) {
    const item = answer.items[at]?.delete ?? answer.items[at]?.update
    const failure = item ? itemFailure(item) : { code: 'store_error', errorClass: 'retryable' as const }
    if (failure) blame(one, failure)
    else for (const { ord } of owners(one)) changed.set(ord, (changed.get(ord) ?? 0) + 1)
  }
}

const bulkItem = z.object({
  status: z.number(),
  result: z.string().optional(),
  error: z.object({ type: z.string() }).optional(),
})
const bulkAnswer = z.object({
  items: z.array(z.object({ delete: bulkItem.optional(), update: bulkItem.optional() })),
})

/** Each item has an answer of its own: a bulk request that succeeds may have failed in part. */
export function itemFailure(item: z.output<typeof bulkItem>): Failure | null {
  if (item.status === 200 || item.status === 201) {
    return item.result === 'noop' ? { code: 'not_changed', errorClass: 'terminal' } : null
  }
  // A document that vanished since it was seen has another version now, like one that was changed.
  if (item.status === 404) return { code: 'version_conflict', errorClass: 'retryable' }
  if (item.status === 400) return { code: 'replacement_invalid', errorClass: 'terminal' }
  return meaningOf(item.status, item.error?.type ?? 'none')
}

function linesFor(target: Target, one: Hit, owners: readonly Person[]): unknown[] | RedactionProblem {
  const action = {
    _index: target.index,
    _id: one._id,
    if_seq_no: one._seq_no,
    if_primary_term: one._primary_term,
    ...(one._routing === undefined ? {} : { routing: one._routing }),
  }
  if (target.method !== 'redact') return [{ delete: action }]
  const ways = target.ways.filter((_way, at) => one.matched_queries.includes(`w${at}`))
  const patch = redaction(one._source ?? {}, ways, owners)
  return typeof patch === 'string' ? patch : [{ update: action }, { doc: patch }]
}

async function openView(store: Store, index: string): Promise<string> {
  const at = `/${encodeURIComponent(index)}`
  const query = { keep_alive: KEEP_ALIVE }
  if (store.flavour === 'opensearch') {
    const path = `${at}/_search/point_in_time`
    const answer = await store.call(z.object({ pit_id: z.string() }), { method: 'POST', path, query })
    return answer.pit_id
  }
  const answer = await store.call(z.object({ id: z.string() }), { method: 'POST', path: `${at}/_pit`, query })
  return answer.id
}

async function nextPage(
  store: Store,
  view: string,
  target: Target,
  query: Query,
  after: readonly unknown[] | null,
): Promise<Hit[]> {
  const answer = await store.call(page, {
    method: 'POST',
    path: '/_search',
    query: { allow_partial_search_results: false },
    body: {
      size: PAGE,
      query,
      pit: { id: view, keep_alive: KEEP_ALIVE },
      sort: [{ _shard_doc: 'asc' }],
      track_total_hits: false,
      seq_no_primary_term: true,
      _source: target.method === 'redact',
      ...(after ? { search_after: after } : {}),
    },
  })
  refuseParts(answer)
  return answer.hits.hits
}

/** A view left open costs the store until it expires, so failing to close it fails nothing. */
async function closeView(store: Store, view: string): Promise<void> {
  const [path, body] =
    store.flavour === 'opensearch' ? ['/_search/point_in_time', { pit_id: [view] }] : ['/_pit', { id: view }]
  await store.call(z.unknown(), { method: 'DELETE', path, body }).catch(() => undefined)
}
