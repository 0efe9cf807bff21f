import type { OpenContext, ProbeFinding, ProbeSession, Subject, TenantRule } from '@lethe/eraser-kit'
import { guarded } from './errors.js'
import type { RedisSystem } from './grammar.js'
import type { RedisOptions } from './options.js'
import { Sightings } from './sightings.js'
import { Store } from './store.js'

/**
 * Looks again with eyes of its own: every key of every master, compared with the beginnings and ends that
 * a person's keys would have, and with the person's identifiers anywhere in a key. Shares the connection
 * code with the eraser and nothing of its templates, matching or search.
 */
export async function openProbeSession(
  context: OpenContext<RedisOptions, RedisSystem>,
): Promise<ProbeSession> {
  const { system, tenant } = context
  const store = await Store.open(context.options)
  return {
    probe: (subjects) =>
      guarded('look for keys', async () => {
        const positions = (await store.facts()).map(({ position }) => position).join(' ')
        const reasons = subjects.map((subject) => inconclusive(subject, system, tenant, context.canonical))
        const sightings = new Sightings(system, tenant, context.mappedOnly)
        for (const [ord, subject] of subjects.entries()) if (!reasons[ord]) sightings.expect(ord, subject)
        await walk(store, (key) => sightings.see(key))
        await lookIntoSets(store, sightings)
        return subjects.map((_subject, ord) =>
          finding(sightings.residual(ord), reasons[ord] ?? null, positions),
        )
      }),
    close: async () => store.close(),
  }
}

function finding(
  residual: Readonly<Record<string, number>>,
  reasonCode: string | null,
  position: string,
): ProbeFinding {
  if (reasonCode) return { result: 'inconclusive', residual, position, reasonCode }
  const any = Object.values(residual).some((count) => count > 0)
  return { result: any ? 'residual' : 'clean', residual, position }
}

/** Why nothing can be said of this person, or null. */
function inconclusive(
  subject: Subject,
  system: RedisSystem,
  tenant: TenantRule,
  canonical: string,
): string | null {
  if ('constant' in tenant && tenant.constant !== subject.tenantId) return 'unknown_tenant'
  const wanted = [...system.keys, ...system.sets.map(({ set }) => set)].join(' ')
  const used = subject.identifiers.filter(({ type }) => wanted.includes(`{${type}}`))
  if (used.length === 0) return 'identifier_missing'
  if (wanted.includes(`{${canonical}}`) && !used.some(({ type }) => type === canonical))
    return 'identifier_missing'
  return used.some(({ value }) => value === '') ? 'invalid_identifier' : null
}

/** No MATCH: a template that is wrong must not hide what it should have covered. */
async function walk(store: Store, see: (key: string) => void): Promise<void> {
  for (const node of store.masters()) {
    let cursor = '0'
    do {
      const [next, keys] = await node.scanBuffer(cursor, 'COUNT', 2_000)
      for (const key of keys) see(key.toString('latin1'))
      cursor = next.toString()
    } while (cursor !== '0')
  }
}

/** A set that is still there may name keys that no template covers. */
async function lookIntoSets(store: Store, sightings: Sightings): Promise<void> {
  for (const { ord, collection, name, member } of sightings.sets()) {
    for (const entry of await store.client.smembersBuffer(Buffer.from(name, 'latin1'))) {
      const key = member(entry.toString('latin1'))
      if ((await store.client.exists(Buffer.from(key, 'latin1'))) === 1) sightings.add(ord, collection, key)
    }
  }
}
