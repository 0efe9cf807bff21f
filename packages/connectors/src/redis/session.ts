import type { Counts, Description, Finding, OpenContext, Session, Subject } from '@lethe/eraser-kit'
import { countsOf, erase } from './erase.js'
import { deniedKey, guarded } from './errors.js'
import { type Families, findKeys, nothingFound } from './find.js'
import type { RedisSystem } from './grammar.js'
import { Ledger } from './ledger.js'
import type { RedisOptions } from './options.js'
import { rightsFor } from './rights.js'
import { select } from './selectors.js'
import { Store } from './store.js'
import { placeholders, templateOf } from './template.js'

export function familiesOf(system: RedisSystem): Families {
  const read = (text: string) => withPrefix(system.prefix, text)
  const templates = system.keys.map(read)
  const sets = system.sets.map(({ set, key }) => ({
    set: read(set),
    key: templateOf(`${system.prefix}${key}`),
  }))
  const names = [...system.keys, ...system.sets.map(({ set }) => set)]
  return { templates, sets, names, plainIds: system.idsHoldDelimiters === false }
}

/** Collections keep the names of the data map; the prefix is where they are, not what they are. */
function withPrefix(prefix: string, text: string) {
  return { ...templateOf(`${prefix}${text}`), text }
}

/** The erasing side. Needs the rights listed in the README; opening needs none of the writing ones. */
export async function openSession(context: OpenContext<RedisOptions, RedisSystem>): Promise<Session> {
  const families = familiesOf(context.system)
  const templates = [...families.templates, ...families.sets.map(({ set }) => set)]
  const store = await Store.open(context.options)
  const ledger = new Ledger(store, context.systemId)
  const selectAll = (subjects: readonly Subject[]) =>
    subjects.map((subject, ord) => select(subject, ord, templates, context.tenant, context.canonical))
  const facts = await store.facts().catch((error: unknown) => {
    store.close()
    throw error
  })
  const evicts = facts.some((node) => node.evicts)

  return {
    preview: (subjects) =>
      guarded('count keys', async () => {
        const selected = selectAll(subjects)
        await store.facts()
        const people = selected.flatMap((one) => (one.ok ? [one.wanted] : []))
        const found = await findKeys(store, families, people)
        if ([...found.values()].some(({ denied }) => denied)) throw deniedKey('count keys')
        return subjects.map((_subject, ord): Counts => {
          const { keys, sets } = found.get(ord) ?? nothingFound()
          const all = [...keys.values(), ...sets.map(({ family }) => family)]
          return foundOnly(families, all)
        })
      }),
    erase: (batch, io) =>
      guarded('erase keys', () => {
        const selected = selectAll(batch.map((pass) => pass.subject))
        return erase({ store, ledger, families, ceiling: context.ceiling ?? null }, batch, selected, io)
      }),
    // Receipts that the server may evict prove nothing: then there are none, and reruns look again.
    ...(evicts
      ? {}
      : {
          receipts: {
            read: (keys) => guarded('read receipts', () => ledger.read(keys)),
            marker: () => guarded('read the marker', () => ledger.marker()),
            prune: (before) => guarded('prune receipts', () => ledger.prune(before)),
          },
        }),
    describe: () => guarded('describe itself', () => describe(store, families, context)),
    close: async () => store.close(),
  }
}

function foundOnly(families: Families, names: readonly string[]): Counts {
  const left = new Map<string, number>()
  for (const name of names) left.set(name, (left.get(name) ?? 0) + 1)
  const counts = countsOf(families, new Map(), left)
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, { ...count, failed: 0 }]))
}

async function describe(
  store: Store,
  families: Families,
  context: OpenContext<RedisOptions, RedisSystem>,
): Promise<Description> {
  const facts = await store.facts()
  const findings: Finding[] = []
  const evicting = facts.find((node) => node.evicts)
  if (evicting) {
    const message = `maxmemory-policy ${evicting.policy} may evict Lethe's receipts: they are not used. Choose volatile-* or noeviction`
    findings.push({ level: 'warning', code: 'receipts_evictable', where: context.systemId, message })
  }
  for (const template of [...families.templates, ...families.sets.map(({ set }) => set)]) {
    if (!('column' in context.tenant) || placeholders(template).includes('tenant')) continue
    const message = 'this template has no {tenant}: it is right only if no two tenants share an identifier'
    findings.push({ level: 'warning', code: 'untenanted_template', where: template.text, message })
  }
  return {
    version: [...new Set(facts.map((node) => node.version))].join(', '),
    collections: families.names.map((name) => ({ name, fields: [] })),
    findings,
    grants: rightsFor(families, context.systemId, store.cluster),
  }
}
