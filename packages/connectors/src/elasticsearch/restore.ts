import { createHash } from 'node:crypto'
import type { Gate, RestoreSession } from '@lethe/eraser-kit'
import { z } from 'zod'
import { guarded, partialShards, StoreError } from './errors.js'
import { Ledger, RECEIPTS } from './ledger.js'
import { Store } from './store.js'
import { type ElasticsearchContext, indicesOf, type Job, jobsOf } from './targets.js'

const commit = z.object({ commit: z.object({ user_data: z.object({ history_uuid: z.string() }) }) })
const stats = z.object({
  indices: z.record(z.string(), z.object({ shards: z.record(z.string(), z.array(commit)) })).default({}),
})
const settings = z.record(
  z.string(),
  z.object({ settings: z.object({ index: z.object({ number_of_shards: z.coerce.number() }) }) }),
)
const markerDoc = z.object({
  found: z.boolean().optional(),
  _seq_no: z.number().optional(),
  _primary_term: z.number().optional(),
  _source: z.object({ value: z.string().optional() }).optional(),
})
/** Indices in one look: a path has room for about 4,000 characters. */
const NAMES = 12

/**
 * Marker and identity. A snapshot that brings back Lethe's own index brings back an old marker; one that brings back
 * an index of the map alone gives its shards another history, and with it the store another identity. The gate is
 * advice: whoever may reach this cluster is not Lethe's to say.
 */
export async function openRestore(context: ElasticsearchContext): Promise<RestoreSession> {
  const store = await Store.open(context.options, context.system.flavour)
  const ledger = new Ledger(store, context.systemId)
  const jobs = jobsOf(context.system)
  return {
    identity: () => guarded('read which copy this is', () => identityOf(store, jobs)),
    marker: {
      read: () => guarded('read the marker', () => ledger.marker()),
      replace: (expected, next) =>
        guarded('replace the marker', async () => {
          await ledger.prepare()
          return replaceMarker(store, context.systemId, expected, next)
        }),
    },
    gate: advice,
    prepare: () => guarded('make its index', () => ledger.prepare()),
    close: () => store.close(),
  }
}

const advice: Gate = {
  admitted: async () => [],
  shut: async () => ({ strength: 'advisory', sessionsEnded: 0 }),
  open: async () => undefined,
  state: async () => 'open',
}

/**
 * A digest of the history of every shard of the map's indices. It stays through restarts and a replica's promotion,
 * and changes with every index that is restored or new: somebody must look at both. Throws StoreAwayError while a
 * shard is away.
 */
async function identityOf(store: Store, jobs: readonly Job[]): Promise<string> {
  const found = await Promise.all(jobs.map(({ name }) => indicesOf(store, name)))
  const names = [...new Set(found.flatMap((infos) => [...infos.keys()]))].sort()
  const histories: string[] = []
  for (let from = 0; from < names.length; from += NAMES) {
    const some = names.slice(from, from + NAMES)
    const path = `/${some.map(encodeURIComponent).join(',')}`
    const [shape, { indices }] = await Promise.all([
      store.call(settings, { method: 'GET', path: `${path}/_settings/index.number_of_shards` }),
      store.call(stats, { method: 'GET', path: `${path}/_stats/docs`, query: { level: 'shards' } }),
    ])
    for (const name of some) {
      const shards = Object.entries(indices[name]?.shards ?? {}).sort(([a], [b]) => Number(a) - Number(b))
      if (shards.length !== shape[name]?.settings.index.number_of_shards) throw partialShards()
      for (const [shard, copies] of shards)
        histories.push(JSON.stringify([name, shard, copies[0]?.commit.user_data.history_uuid]))
    }
  }
  return createHash('sha256').update(histories.join('\n')).digest('base64url')
}

async function replaceMarker(
  store: Store,
  systemId: string,
  expected: string | null,
  next: string,
): Promise<boolean> {
  const path = `/${RECEIPTS}/_doc/${encodeURIComponent(`marker.${systemId}`)}`
  const old = await store.callIfThere(markerDoc, { method: 'GET', path })
  if ((old?._source?.value ?? null) !== expected) return false
  const query: Record<string, string | number> =
    old?._seq_no === undefined
      ? { op_type: 'create' }
      : { if_seq_no: old._seq_no, if_primary_term: old._primary_term ?? 0 }
  try {
    const body = { kind: 'marker', system: systemId, value: next }
    await store.call(z.unknown(), { method: 'PUT', path, query, body })
    return true
  } catch (error) {
    // Somebody else wrote it in between.
    if (error instanceof StoreError && error.status === 409) return false
    throw error
  }
}
