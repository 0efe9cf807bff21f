import type { Chain } from '../harness/chain.js'
import { withRedis } from '../harness/stores.js'
import type { CanaryPerson } from '../leak/canary.js'
import { digestOfOthers, type Footprint, footprint, sizeOf } from '../shop/oracle.js'
import { keysOf } from '../shop/seed.js'

/** Where a person is now; keys by their exact names, since an id may be a pattern. */
export async function exactFootprint(chain: Chain, person: CanaryPerson): Promise<Footprint> {
  const { rows } = await footprint(chain.pgUrl, chain.redisUrl, person)
  const keys = await withRedis(chain.redisUrl, async (redis) => {
    const names = keysOf(person.tenantId, person.userId)
    const there = await Promise.all(names.map((name) => redis.exists(name)))
    return names.filter((_, at) => there[at] === 1)
  })
  return { rows, keys }
}

export const exactSize = async (chain: Chain, person: CanaryPerson): Promise<number> =>
  sizeOf(await exactFootprint(chain, person))

/** A check to run afterwards: everything but what these people had is as it is now. */
export async function othersUntouched(
  chain: Chain,
  people: readonly CanaryPerson[],
): Promise<() => Promise<boolean>> {
  const traces = await Promise.all(people.map((person) => exactFootprint(chain, person)))
  const tables = new Set(traces.flatMap(({ rows }) => Object.keys(rows)))
  const all: Footprint = {
    rows: Object.fromEntries(
      [...tables].map((table) => [table, traces.flatMap(({ rows }) => rows[table] ?? [])]),
    ),
    keys: traces.flatMap(({ keys }) => keys),
  }
  const before = await digestOfOthers(chain.pgUrl, chain.redisUrl, all)
  return async () => (await digestOfOthers(chain.pgUrl, chain.redisUrl, all)) === before
}
