import type { Counts, Description, Session } from '@lethe/eraser-kit'
import { describe } from './describe.js'
import { CHUNK, erase } from './erase.js'
import { guarded } from './errors.js'
import { elasticsearchKind } from './grammar.js'
import { countKept } from './kept.js'
import { Ledger } from './ledger.js'
import { countPeople, refuseUnhealthy } from './look.js'
import { select, type Wanting } from './people.js'
import { IndexRefused, targetError } from './refusals.js'
import { Store } from './store.js'
import { type ElasticsearchContext, jobsOf, proveMap, targetsFor } from './targets.js'
import { countsOf, jobKey } from './work.js'

/** The erasing side. Throws a TerminalError when the map doesn't fit; a RetryableError when the store is away. */
export async function openSession(context: ElasticsearchContext): Promise<Session> {
  const { system, tenant, canonical } = context
  const jobs = jobsOf(system)
  const store = await Store.open(context.options, system.flavour)
  const ledger = new Ledger(store, context.systemId)
  const wanting: Wanting = {
    names: jobs.map(({ name }) => name),
    types: elasticsearchKind.identifiers(system, canonical),
    tenant,
    canonical,
  }
  try {
    await guarded('compare its indices with the data map', () => proveMap(store, jobs, wanting))
  } catch (error) {
    await store.close()
    throw error
  }

  return {
    preview: (subjects) =>
      guarded('count documents', async () => {
        const people = subjects.flatMap((subject, ord) => {
          const one = select(subject, ord, wanting)
          return one.ok ? [one.person] : []
        })
        const found = new Map<string, number>()
        const tenants = [...new Set(people.map(({ tenantId }) => tenantId))]
        for (const [tenantId, targets] of await targetsFor(store, jobs, tenants, {
          ...wanting,
          now: Date.now(),
        })) {
          if (targets === 'unknown_tenant') continue
          if (targets instanceof IndexRefused) throw targetError(targets.code, targets.where)
          await refuseUnhealthy(
            store,
            targets.map(({ index }) => index),
          )
          const own = people.filter((person) => person.tenantId === tenantId)
          for (const target of targets)
            for (let from = 0; from < own.length; from += CHUNK) {
              const chunk = own.slice(from, from + CHUNK)
              const counted = await countPeople(store, target, chunk)
              const kept = target.method === 'retain' ? await countKept(store, target, chunk) : new Map()
              for (const { ord } of chunk) {
                const documents = (counted.get(ord) ?? 0) + (kept.get(ord)?.documents ?? 0)
                found.set(`${ord} ${jobKey(target)}`, documents)
              }
            }
        }
        return subjects.map((_subject, ord): Counts => {
          const counts = countsOf(jobs, (key) => ({ changed: 0, left: found.get(`${ord} ${key}`) ?? 0 }))
          return Object.fromEntries(
            Object.entries(counts).map(([name, count]) => [name, { ...count, failed: 0 }]),
          )
        })
      }),
    erase: (batch, io) =>
      guarded('erase documents', () =>
        erase({ store, ledger, jobs, wanting, ceiling: context.ceiling ?? null }, batch, io),
      ),
    receipts: {
      read: (keys) => guarded('read receipts', () => ledger.receipts(keys)),
      marker: () => guarded('read the marker', () => ledger.marker()),
      prune: (before) => guarded('prune receipts', () => ledger.prune(before)),
    },
    describe: () => guarded('describe itself', () => describe(store, jobs, context)),
    close: () => store.close(),
  }
}

/** What `map check` has to say, also of a map that doesn't fit. Reads mappings only. */
export async function checkMap(context: ElasticsearchContext): Promise<Description> {
  const store = await Store.open(context.options, context.system.flavour)
  try {
    return await guarded('describe itself', () => describe(store, jobsOf(context.system), context))
  } finally {
    await store.close()
  }
}
