import { createHash } from 'node:crypto'
import { z } from 'zod'
import { partialShards } from './errors.js'
import { paths } from './look.js'
import type { Store } from './store.js'

const commit = z.object({ commit: z.object({ user_data: z.object({ history_uuid: z.string() }) }) })
const stats = z.object({
  indices: z.record(z.string(), z.object({ shards: z.record(z.string(), z.array(commit)) })).default({}),
})
const settings = z.record(
  z.string(),
  z.object({ settings: z.object({ index: z.object({ number_of_shards: z.coerce.number() }) }) }),
)

/**
 * A digest per index of the history of its shards. It stays through restarts and a replica's promotion, and is
 * another one for an index that was restored or made anew. Throws StoreAwayError while a shard is away.
 */
export async function historiesOf(store: Store, indices: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const page of paths(indices)) {
    const [shape, { indices: seen }] = await Promise.all([
      store.call(settings, { method: 'GET', path: `/${page}/_settings/index.number_of_shards` }),
      store.call(stats, { method: 'GET', path: `/${page}/_stats/docs`, query: { level: 'shards' } }),
    ])
    for (const name of Object.keys(shape)) {
      const shards = Object.entries(seen[name]?.shards ?? {}).sort(([a], [b]) => Number(a) - Number(b))
      if (shards.length !== shape[name]?.settings.index.number_of_shards) throw partialShards()
      const lines = shards.map(([shard, copies]) =>
        JSON.stringify([name, shard, copies[0]?.commit.user_data.history_uuid]),
      )
      found.set(name, createHash('sha256').update(lines.join('\n')).digest('hex'))
    }
  }
  return found
}
