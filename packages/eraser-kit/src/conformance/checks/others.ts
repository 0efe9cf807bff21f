import assert from 'node:assert/strict'
import { assertDone, assertGone, assertUntouched, foundIn, total } from '../assertions.js'
import type { Person } from '../backdoor.js'
import type { Bench } from '../bench.js'
import type { Check } from '../check.js'
import { token } from '../people.js'

/** Look-alikes of one person: ids and addresses that begin, end or are contained in theirs. */
async function seedLookAlikes(bench: Bench, name: string): Promise<void> {
  for (const other of [
    `${name}0`,
    `${name}1`,
    `0${name}`,
    name.slice(0, -1),
    `${name}-2`,
    `${name}_`,
    `${name}:1`,
  ])
    await bench.backdoor.seed(bench.person({ name: other }), 1)
}

/** What an erasure does to everybody else: nothing. */
export const others: readonly Check[] = [
  {
    name: 'twin',
    promise: 'a look-alike and everybody else stay exactly as they were',
    async run(bench) {
      const name = token()
      await seedLookAlikes(bench, name)
      const person = bench.person({ name })
      await assertOnlyTheirs(bench, person)
    },
  },
  {
    name: 'second-tenant',
    promise: 'the same person in a second tenant stays exactly as they were',
    skip: (_connector, backdoor) =>
      'column' in backdoor.tenant ? undefined : 'the data map knows one tenant only',
    async run(bench) {
      const person = bench.person()
      const other: Person = bench.backdoor.tenantsShareIds
        ? { ...person, tenantId: 'globex' }
        : bench.person({
            tenantId: 'globex',
            identifiers: Object.fromEntries(
              Object.entries(person.identifiers).filter(([type]) => type !== bench.backdoor.canonical),
            ),
          })
      await bench.backdoor.seed(other, 2)
      await assertOnlyTheirs(bench, person)
      const before = await bench.backdoor.snapshot()
      const stranger = { ...other, tenantId: person.tenantId }
      await bench.deliver(await bench.open(), [bench.pass(stranger)])
      assertUntouched(before, await bench.backdoor.snapshot(), 'an erasure reached into another tenant')
    },
  },
  {
    name: 'preview',
    promise: 'a preview gives the counts and changes nothing',
    async run(bench) {
      const people = [bench.person(), bench.person(), bench.person()]
      const seeded = [
        await bench.backdoor.seed(people[0] as Person, 2),
        await bench.backdoor.seed(people[1] as Person, 3),
      ]
      const before = await bench.backdoor.snapshot()
      const session = await bench.open(undefined, 'probe')
      const counts = await session.preview(people.map((person) => bench.pass(person).subject))
      assertUntouched(before, await bench.backdoor.snapshot(), 'the preview changed the store')
      assert.equal(counts.length, people.length, 'a preview gives counts per subject')
      for (const [index, expected] of [...seeded, {}].entries())
        assert.equal(
          total(foundIn(counts[index] ?? {})),
          total(expected),
          `the preview of person ${index} is wrong`,
        )
    },
  },
  {
    name: 'describe',
    promise: 'a description changes nothing',
    async run(bench) {
      await bench.backdoor.seed(bench.person(), 1)
      const before = await bench.backdoor.snapshot()
      const description = await (await bench.open()).describe()
      assert.ok(description.version, 'a description says which version the server has')
      assert.ok(Array.isArray(description.collections), 'a description lists what exists')
      assertUntouched(before, await bench.backdoor.snapshot(), 'describing changed the store')
    },
  },
  {
    name: 'ceiling',
    promise: 'a pass over its ceiling changes nothing until a second person allows it',
    async run(bench) {
      const person = bench.person()
      const seeded = await bench.backdoor.seed(person, 3)
      const before = await bench.backdoor.snapshot()
      const session = await bench.open(undefined, undefined, { ceiling: total(seeded) - 1 })
      const pass = bench.pass(person)
      const [refused] = await bench.settle(session, [pass])
      assert.ok(refused)
      const code =
        refused.by === 'outcome' ? refused.outcome.errorCode : refused.by === 'error' && codeOf(refused.error)
      assert.equal(code, 'over_ceiling', 'a pass over its ceiling was not refused')
      assertUntouched(before, await bench.backdoor.snapshot(), 'a refused pass changed the store')
      const waived = { ...pass, passId: 'conformance#1/retry-1', ceilingWaived: true }
      const [outcome] = await bench.deliver(session, [waived])
      assertDone(outcome, seeded)
    },
  },
]

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

async function assertOnlyTheirs(bench: Bench, person: Person): Promise<void> {
  const before = await bench.backdoor.snapshot()
  const seeded = await bench.backdoor.seed(person, 2)
  const own = new Set([...(await bench.backdoor.snapshot()).keys()].filter((record) => !before.has(record)))
  const [outcome] = await bench.deliver(await bench.open(), [bench.pass(person)])
  assertDone(outcome, seeded)
  await assertGone(bench.backdoor, person, 'records of the person are left')
  assertUntouched(
    before,
    await bench.backdoor.snapshot(),
    'records of somebody else changed',
    (record) => own.has(record) || bench.backdoor.mayCreate?.(record) === true,
  )
}
