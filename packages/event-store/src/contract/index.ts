import { afterAll, beforeAll, describe, it } from 'vitest'
import type { EventStore } from '../event-store.js'
import { checks } from './checks.js'

export { type Check, type CheckName, checks } from './checks.js'

/**
 * Registers the whole contract of `EventStore` as one vitest suite. The store is made once and may
 * hold other streams already; every check uses streams of its own.
 */
export function eventStoreContract(name: string, makeStore: () => Promise<EventStore>): void {
  describe(`the event store contract on ${name}`, () => {
    let store: EventStore
    beforeAll(async () => {
      store = await makeStore()
    })
    afterAll(() => store?.close())
    for (const check of Object.values(checks)) it(check.title, () => check.run(store), 120_000)
  })
}
