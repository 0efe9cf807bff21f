import type { Backdoor, Person } from '../backdoor.js'
import { READER, ShelfServer, WRITER } from './shelf-server.js'

const collections = { profiles: 'user_id', letters: 'email' } as const

/** A backdoor into a shelf of its own. */
export async function openShelfBackdoor(): Promise<Backdoor> {
  const shelf = await ShelfServer.open()
  const itemsOf = (person: Person, collection: keyof typeof collections) =>
    [...shelf.items.values()].filter(
      (item) =>
        item.collection === collection &&
        item.tenantId === person.tenantId &&
        item.owner === person.identifiers[collections[collection]],
    )
  let next = 0
  return {
    endpoint: shelf.endpoint,
    system: { collections },
    tenant: { column: 'tenant' },
    canonical: 'user_id',
    tenantsShareIds: true,
    options: (at, credentials) => ({
      ...at,
      password: { erase: WRITER, probe: READER, wrong: 'nothing' }[credentials],
    }),
    reset: async () => {
      shelf.items.clear()
      shelf.receipts.clear()
    },
    seed: async (person, size) => {
      for (let n = 0; n < size; n++)
        for (const [collection, type] of Object.entries(collections)) {
          const id = `${collection}/${++next}`
          const owner = person.identifiers[type] ?? ''
          shelf.items.set(id, { id, collection, tenantId: person.tenantId, owner })
        }
      return { profiles: size, letters: size }
    },
    count: async (person) => ({
      profiles: itemsOf(person, 'profiles').length,
      letters: itemsOf(person, 'letters').length,
    }),
    snapshot: async () => new Map([...shelf.items].map(([id, item]) => [id, JSON.stringify(item)])),
    refuse: async (person) => {
      const owners = Object.values(person.identifiers)
      for (const owner of owners) shelf.locked.add(owner)
      return {
        scope: 'person',
        undo: async () => {
          for (const owner of owners) shelf.locked.delete(owner)
        },
      }
    },
    letheText: async () => JSON.stringify([...shelf.receipts.values()]),
    close: () => shelf.close(),
  }
}
