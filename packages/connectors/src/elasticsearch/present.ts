import { guarded } from './errors.js'
import type { ElasticsearchSystem } from './grammar.js'
import { Store } from './store.js'
import { type ElasticsearchContext, indicesOf, jobsOf, problemsOf } from './targets.js'

type Index = ElasticsearchSystem['indices'][number]

const GONE = new Set(['missing_index', 'missing_field'])

/**
 * What of an older map's section is in this cluster: indices may have been deleted since, and others have taken their
 * names without the fields people were found by. Documents that the map in force retains, found the same way, are not the
 * older one's to delete. Whatever else does not fit stays, to be refused.
 */
export async function present(
  context: ElasticsearchContext,
  inForce: ElasticsearchSystem,
): Promise<ElasticsearchSystem | null> {
  const { system, tenant, canonical } = context
  const store = await Store.open(context.options, system.flavour)
  try {
    return await guarded('look which indices of the data map are there', async () => {
      const kept = []
      for (const one of system.indices) {
        if (isRetained(one, inForce)) continue
        const [job] = jobsOf({ ...system, indices: [one] })
        if (job === undefined) continue
        const { looked, problems } = await problemsOf(store, job, { tenant, canonical })
        // Of a name per tenant each index counts for itself; a tenant without one has nothing there.
        const isGone = job.name.tenanted
          ? looked > 0 && problems.length === looked && problems.every(({ code }) => GONE.has(code))
          : problems.some(({ code }) => GONE.has(code)) || (await indicesOf(store, job.name)).size === 0
        if (!isGone) kept.push(one)
      }
      return kept.length === 0 ? null : { ...system, indices: kept }
    })
  } finally {
    await store.close()
  }
}

const isRetained = ({ name, by, identifier }: Index, { indices }: ElasticsearchSystem): boolean =>
  indices.some(
    (one) => one.method === 'retain' && one.name === name && one.by === by && one.identifier === identifier,
  )
