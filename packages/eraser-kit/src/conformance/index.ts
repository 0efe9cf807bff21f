import { afterAll, beforeAll, describe, test } from 'vitest'
import type { Connector } from '../connector.js'
import type { Backdoor } from './backdoor.js'
import { openBench } from './bench.js'
import { checks } from './checks/index.js'

export type { Backdoor, Endpoint, Person, Refusal, Snapshot, Tally } from './backdoor.js'
export { type Bench, openBench } from './bench.js'
export type { Check } from './check.js'
export { checks } from './checks/index.js'
export { type Canary, type Hit, newCanary, search, searchAll } from './leak-search.js'
export { type Shown, shownBy } from './shown.js'

/**
 * Declares the whole specification of a connector as tests against a real server. `open` prepares a store
 * of its own (a fresh database, a logical db) and is called once.
 *
 * ```ts
 * conformance(postgres, openPostgresBackdoor)
 * ```
 */
export function conformance<Options, System>(
  connector: Connector<Options, System>,
  open: () => Promise<Backdoor<Options, System>>,
): void {
  // The suite hands options and sections through without looking at them.
  const subject = connector as unknown as Connector
  describe(`${connector.kind} keeps the promises of a connector`, () => {
    let backdoor: Backdoor
    beforeAll(async () => {
      backdoor = (await open()) as unknown as Backdoor
    })
    afterAll(async () => {
      await backdoor?.close()
    })
    for (const check of checks)
      test(check.promise, { timeout: check.timeoutMs ?? 60_000 }, async (context) => {
        const reason = check.skip?.(subject, backdoor)
        if (reason) context.skip(reason)
        const bench = await openBench(subject, backdoor)
        try {
          await check.run(bench)
        } finally {
          await bench.close()
        }
      })
  })
}
