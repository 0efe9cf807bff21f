import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Settlement } from '../../settle.js'
import { assertDone, assertGone, assertNamesNobody, classOf, total } from '../assertions.js'
import type { Endpoint, Person } from '../backdoor.js'
import type { Bench } from '../bench.js'
import type { Check } from '../check.js'

/** How a failing store is reported. */
export const failing: readonly Check[] = [
  {
    name: 'down-is-retryable',
    promise: 'a store that is down is a retryable error',
    async run(bench) {
      const tried = await tryAll(bench, await nobodyListens(), 'erase')
      assert.equal(classOf(tried), 'retryable', 'a store that is down was not retryable')
    },
  },
  {
    name: 'refused-is-not-retryable',
    promise: 'credentials that are refused are not retryable: a person must act',
    async run(bench) {
      const tried = await tryAll(bench, bench.backdoor.endpoint, 'wrong')
      assert.match(classOf(tried), /^(terminal|paused)$/, 'refused credentials were not terminal or paused')
    },
  },
  {
    name: 'partial-failure',
    promise: 'a partial failure is a failure, and the others of the batch are erased all the same',
    skip: noRefusal,
    async run(bench) {
      const people = [bench.person(), bench.person(), bench.person()] as const
      const seeded = []
      for (const person of people) seeded.push(await bench.backdoor.seed(person, 2))
      const refusal = await refused(bench, people[1])
      try {
        const passes = people.map((person) => bench.pass(person))
        const outcomes = await bench.deliver(await bench.open(), passes)
        assert.equal(outcomes[1]?.outcome, 'failed', 'what the store refused was not reported as failed')
        if (refusal.scope === 'person') {
          assertDone(outcomes[0], seeded[0] ?? {}, 'the person before the refused one')
          assertDone(outcomes[2], seeded[2] ?? {}, 'the person after the refused one')
        } else for (const outcome of outcomes) assert.equal(outcome.outcome, 'failed')
        assert.ok(
          total(await bench.backdoor.count(people[1])) > 0,
          'the backdoor did not make the store refuse',
        )
      } finally {
        await refusal.undo()
      }
      const [again] = await bench.deliver(await bench.open(), [bench.pass(people[1])])
      assert.notEqual(again?.outcome, 'failed', 'the pass fails still when the store no longer refuses')
      await assertGone(bench.backdoor, people[1], 'records are left when the store no longer refuses')
    },
  },
  {
    name: 'errors-name-nobody',
    promise: 'no error and no outcome carries an identifier, whatever the store says',
    async run(bench) {
      const person = bench.person()
      await bench.backdoor.seed(person, 1)
      const pass = bench.pass(person)
      const heard: unknown[] = []
      const collect = async (work: () => Promise<unknown>) => {
        try {
          heard.push(await work())
        } catch (error) {
          heard.push(error)
        }
      }
      if (bench.backdoor.refuse) {
        const refusal = await bench.backdoor.refuse(person)
        await collect(async () => (await bench.open()).erase([pass], bench.io()))
        await refusal.undo()
      }
      for (const at of [1, 2]) {
        const session = await bench.open(bench.proxy.endpoint)
        bench.proxy.arm('cut-response', at)
        await collect(() => session.erase([bench.pass(person)], bench.io()))
        bench.proxy.arm()
        await collect(() => session.preview([pass.subject]))
      }
      const probe = await bench.openProbe(bench.proxy.endpoint)
      bench.proxy.arm('cut-response', 1)
      await collect(() => probe.probe([pass.subject]))
      bench.proxy.arm()
      const odd = hostileTwins(person)
      for (const twin of odd)
        await collect(async () => (await bench.open()).erase([bench.pass(twin)], bench.io()))
      for (const said of heard) assertNamesNobody(said, [person, ...odd], 'an error or outcome')
    },
  },
]

function noRefusal(_connector: unknown, backdoor: { refuse?: unknown }): string | undefined {
  return backdoor.refuse ? undefined : 'the backdoor can not make this store refuse a change'
}

async function refused(bench: Bench, person: Person) {
  assert.ok(bench.backdoor.refuse)
  return bench.backdoor.refuse(person)
}

/** Values that stores like to quote when they do not like them. */
function hostileTwins(person: Person): Person[] {
  return ["'quoted", '\u0000', '*', '%'].map((suffix) => ({
    ...person,
    identifiers: Object.fromEntries(
      Object.entries(person.identifiers).map(([type, value]) => [type, `${value}${suffix}`]),
    ),
  }))
}

/** The first thing that goes wrong on the way from opening to erasing. */
async function tryAll(bench: Bench, at: Endpoint, credentials: 'erase' | 'wrong'): Promise<Settlement> {
  const person = bench.person()
  try {
    const session = await bench.open(at, credentials)
    const [settlement] = await bench.settle(session, [bench.pass(person)])
    assert.ok(settlement)
    return settlement
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
    return { by: 'error', error }
  }
}

/** An address that refused connections a moment ago. */
async function nobodyListens(): Promise<Endpoint> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(address && typeof address === 'object')
  return { host: '127.0.0.1', port: address.port }
}
