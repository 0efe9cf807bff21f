import assert from 'node:assert/strict'
import { assertDone, assertGone, assertUntouched, total } from '../assertions.js'
import type { Bench } from '../bench.js'
import type { Check } from '../check.js'
import type { Fault } from '../fault-proxy.js'

/** Writes one erasure of one person may need; a connector that needs more is cut at the first so many. */
const MOST_WRITES = 60

/** Grant lifetime in the expiry checks, milliseconds: long enough to start, short enough to wait for. */
const SHORT_GRANT_MS = 400

async function until(condition: () => boolean, ms: number): Promise<void> {
  const deadline = Date.now() + ms
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** What a crash, a lost answer or a slow network can do. */
export const crashing: readonly Check[] = [
  {
    name: 'crash',
    promise: 'a crash at each write and each answer converges when rerun, with the true counts',
    timeoutMs: 300_000,
    async run(bench) {
      for (const fault of ['cut-request', 'cut-response'] as const) {
        for (let at = 1; at <= MOST_WRITES; at++) if (!(await crashAt(bench, fault, at))) break
      }
    },
  },
  {
    name: 'expired-before',
    promise: 'a grant that expired before the start commits nothing',
    async run(bench) {
      const person = bench.person()
      await bench.backdoor.seed(person, 2)
      const before = await bench.backdoor.snapshot()
      const grant = { grantId: 'expired', expiresAt: Date.now() - 1 }
      const [settlement] = await bench.settle(await bench.open(), [bench.pass(person, { grant })])
      assertUntouched(before, await bench.backdoor.snapshot(), 'something was erased under an expired grant')
      assertNotDone(settlement)
    },
  },
  {
    name: 'expired-meanwhile',
    promise: 'a grant that expires while the erasure is under way commits nothing after its expiry',
    timeoutMs: 180_000,
    async run(bench) {
      // What was already sent to a store without transactions can not be called back; its answer may be late.
      const faults: Fault[] =
        bench.connector.capabilities.receipts === 'transactional'
          ? ['hold-response', 'hold-request']
          : ['hold-response']
      for (const fault of faults) {
        for (let at = 1; at <= MOST_WRITES; at++) if (!(await expireAt(bench, fault, at))) break
      }
    },
  },
  {
    name: 'aborted',
    promise: 'an aborted erasure commits nothing',
    async run(bench) {
      const person = bench.person()
      await bench.backdoor.seed(person, 2)
      const before = await bench.backdoor.snapshot()
      const [settlement] = await bench.settle(
        await bench.open(),
        [bench.pass(person)],
        bench.io({ signal: AbortSignal.abort() }),
      )
      assertUntouched(before, await bench.backdoor.snapshot(), 'an aborted erasure changed the store')
      assertNotDone(settlement)
    },
  },
]

function assertNotDone(settlement: Awaited<ReturnType<Bench['settle']>>[number] | undefined): void {
  const said = settlement?.by === 'outcome' ? settlement.outcome.outcome : 'failed'
  assert.equal(said, 'failed', 'what did not happen was reported as done')
}

/** Cuts at the `at`-th write; false when the erasure needed fewer. */
async function crashAt(bench: Bench, fault: Fault, at: number): Promise<boolean> {
  const where = `${fault} at write ${at}`
  const person = bench.person()
  const seeded = await bench.backdoor.seed(person, 2)
  const pass = bench.pass(person)
  const session = await bench.open(bench.proxy.endpoint)
  bench.proxy.arm(fault, at)
  // The session dies with its connection, as the process would; whatever it says is not heard by anyone.
  await session.erase([pass], bench.io()).catch(() => undefined)
  const struck = bench.proxy.hasStruck
  bench.proxy.arm()
  const [outcome] = await bench.deliver(await bench.open(), [pass])
  await assertGone(bench.backdoor, person, `records are left after a rerun (${where})`)
  if (bench.connector.capabilities.receipts === 'none') assert.notEqual(outcome?.outcome, 'failed', where)
  else assertDone(outcome, seeded, `the person rerun after ${where}`)
  return struck
}

/** Holds the `at`-th write, or the answers from then on, until the grant is over; false when there were fewer. */
async function expireAt(bench: Bench, fault: Fault, at: number): Promise<boolean> {
  const person = bench.person()
  await bench.backdoor.seed(person, 2)
  const session = await bench.open(bench.proxy.endpoint)
  const expiresAt = Date.now() + SHORT_GRANT_MS
  bench.proxy.arm(fault, at)
  let ended = false
  const erasing = bench
    .settle(session, [bench.pass(person, { grant: { grantId: 'short', expiresAt } })])
    .finally(() => {
      ended = true
    })
  await until(() => ended || bench.proxy.hasStruck, SHORT_GRANT_MS)
  const struck = bench.proxy.hasStruck
  await until(() => Date.now() > expiresAt + 50, SHORT_GRANT_MS + 100)
  const atExpiry = await bench.backdoor.snapshot()
  bench.proxy.release()
  const [settlement] = await erasing
  assertUntouched(
    atExpiry,
    await bench.backdoor.snapshot(),
    `something was committed after the grant expired (${fault} at write ${at})`,
  )
  const left = total(await bench.backdoor.count(person))
  if (left > 0) assertNotDone(settlement)
  return struck
}
