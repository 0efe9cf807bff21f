import assert from 'node:assert/strict'
import type { Identifier } from '../../connector.js'
import { assertDone, assertGone, assertUntouched } from '../assertions.js'
import type { Bench } from '../bench.js'
import type { Check } from '../check.js'
import { token } from '../people.js'

/** Values that mean something to some store: patterns, paths, delimiters, quotes, escapes, odd unicode. */
const hostileValues = (name: string): readonly string[] => [
  '*',
  '%',
  '_',
  '?',
  '**',
  'u*',
  `u${name}*`,
  `u${name}%`,
  `u${name.slice(0, -1)}?`,
  `u${name.slice(0, -1)}_`,
  `[u]${name}`,
  `u${name.slice(0, -1)}[0-9a-z]`,
  '{user_id}',
  '{tenant}',
  '../',
  `../u${name}`,
  `x:*`,
  ':',
  `u${name}:`,
  `u${name}' OR '1'='1`,
  `'; DROP TABLE users; --`,
  '" OR ""="',
  '\\',
  `u${name}\\`,
  '`$(id)`',
  '$1',
  '\n',
  `u${name}\n*`,
  '\u0000',
  `u${name}\u0000`,
  `U${name.toUpperCase()}`,
  ` u${name} `,
  'ｕ＊',
  'e\u0301',
  '\u202eevil',
  '\ud800',
  '',
  ' ',
  'null',
  'undefined',
  '__proto__',
  'a'.repeat(10_000),
]

const CHUNK = 8

/** Identifiers that try to be more than identifiers. */
export const hostile: readonly Check[] = [
  {
    name: 'hostile',
    promise: 'hostile identifiers (patterns, quotes, paths, unicode, empty) touch nothing',
    async run(bench) {
      const name = token()
      for (const other of [name, `${name}0`, token()])
        await bench.backdoor.seed(bench.person({ name: other }), 1)
      const before = await bench.backdoor.snapshot()
      const session = await bench.open()
      const probe = await bench.openProbe()
      for (const value of hostileValues(name)) {
        const pass = hostilePass(bench, value)
        const shown = JSON.stringify(value.slice(0, 40))
        await session.preview([pass.subject]).catch(() => undefined)
        await probe.probe([pass.subject]).catch(() => undefined)
        const [settlement] = await bench.settle(session, [pass])
        assertUntouched(before, await bench.backdoor.snapshot(), `the identifier ${shown} touched something`)
        if (settlement?.by === 'outcome')
          assert.ok(
            ['not_found', 'failed', 'unsupported'].includes(settlement.outcome.outcome),
            `the identifier ${shown} was reported as ${settlement.outcome.outcome}`,
          )
      }
    },
  },
  {
    name: 'hostile-tenant',
    promise: 'a hostile tenant id touches nothing, though the person exists',
    skip: (_connector, backdoor) =>
      'column' in backdoor.tenant ? undefined : 'the data map knows one tenant only',
    async run(bench) {
      const person = bench.person()
      await bench.backdoor.seed(person, 1)
      const before = await bench.backdoor.snapshot()
      const session = await bench.open()
      for (const tenantId of [
        '*',
        '%',
        'ac*',
        'a__e',
        '',
        ' ',
        'acme:*',
        "acme' OR '1'='1",
        'ACME',
        '[a]cme',
      ]) {
        await bench.settle(session, [bench.pass({ ...person, tenantId })])
        const why = `the tenant ${JSON.stringify(tenantId)} touched something`
        assertUntouched(before, await bench.backdoor.snapshot(), why)
      }
    },
  },
  {
    name: 'no-identifier',
    promise: 'a subject without any identifier is never reported as erased',
    async run(bench) {
      await bench.backdoor.seed(bench.person(), 1)
      const before = await bench.backdoor.snapshot()
      const pass = bench.pass(bench.person())
      const nameless = { ...pass, subject: { ...pass.subject, identifiers: [] } }
      const [settlement] = await bench.settle(await bench.open(), [nameless])
      assertUntouched(before, await bench.backdoor.snapshot(), 'an empty selector touched something')
      assert.ok(
        settlement?.by === 'error' ||
          (settlement?.by === 'outcome' && settlement.outcome.outcome === 'failed'),
        'an empty selector was not refused',
      )
    },
  },
  {
    name: 'hostile-neighbour',
    promise: 'a hostile identifier in a batch neither stops nor changes the erasure of the others',
    async run(bench) {
      const people = [bench.person(), bench.person()] as const
      const seeded = [
        await bench.backdoor.seed(people[0], 2),
        await bench.backdoor.seed(people[1], 1),
      ] as const
      const bystander = bench.person()
      await bench.backdoor.seed(bystander, 1)
      const hostiles = hostileValues(token()).slice(0, CHUNK)
      const max = Math.max(1, bench.connector.capabilities.batch.max)
      const passes = [
        bench.pass(people[0]),
        ...hostiles.map((v) => hostilePass(bench, v)),
        bench.pass(people[1]),
      ]
      const session = await bench.open()
      const outcomes = []
      for (let from = 0; from < passes.length; from += max)
        outcomes.push(...(await bench.deliver(session, passes.slice(from, from + max))))
      assertDone(outcomes.at(0), seeded[0], 'the person before the hostile ones')
      assertDone(outcomes.at(-1), seeded[1], 'the person after the hostile ones')
      for (const person of people)
        await assertGone(bench.backdoor, person, 'records of an innocent neighbour are left')
      assert.notDeepEqual(await bench.backdoor.count(bystander), {}, 'a bystander was erased')
    },
  },
]

function hostilePass(bench: Bench, value: string) {
  const identifiers: Identifier[] = bench.types.map((type) => ({ type, value }))
  const pass = bench.pass(bench.person())
  return { ...pass, subject: { ...pass.subject, identifiers } }
}
