import assert from 'node:assert/strict'
import { assertDone, assertGone, assertNamesNobody, assertUntouched, total } from '../assertions.js'
import type { Check } from '../check.js'

/** What an erasure does to the right person. */
export const erasing: readonly Check[] = [
  {
    name: 'erases',
    promise: 'a person is found and erased, with the true counts',
    async run(bench) {
      const person = bench.person()
      const seeded = await bench.backdoor.seed(person, 3)
      assert.ok(total(seeded) >= 3, 'the backdoor seeded next to nothing')
      const [outcome] = await bench.deliver(await bench.open(), [bench.pass(person)])
      assertDone(outcome, seeded)
      await assertGone(bench.backdoor, person, 'records are left after an erasure that says it succeeded')
    },
  },
  {
    name: 'already-absent',
    promise: 'somebody who is not there is not_found, which is no failure',
    async run(bench) {
      await bench.backdoor.seed(bench.person(), 2)
      const before = await bench.backdoor.snapshot()
      const [outcome] = await bench.deliver(await bench.open(), [bench.pass(bench.person())])
      assert.equal(outcome?.outcome, 'not_found')
      assert.equal(total(Object.fromEntries(Object.entries(outcome.counts).map(([c, n]) => [c, n.found]))), 0)
      assertUntouched(before, await bench.backdoor.snapshot(), 'an erasure of nobody changed the store')
    },
  },
  {
    name: 'batch',
    promise: 'a batch erases each of its people with their own counts, in order',
    async run(bench) {
      const people = Array.from({ length: 24 }, () => bench.person())
      const bystander = bench.person()
      await bench.backdoor.seed(bystander, 2)
      const before = await bench.backdoor.snapshot()
      const seeded = []
      for (const [index, person] of people.entries())
        seeded.push(index % 8 === 7 ? {} : await bench.backdoor.seed(person, 1 + (index % 4)))
      const session = await bench.open()
      const max = bench.connector.capabilities.batch.max
      const outcomes = []
      for (let from = 0; from < people.length; from += max) {
        const passes = people.slice(from, from + max).map((person) => bench.pass(person))
        outcomes.push(...(await bench.deliver(session, passes)))
      }
      for (const [index, person] of people.entries()) {
        if (index % 8 === 7)
          assert.equal(outcomes[index]?.outcome, 'not_found', `nobody at position ${index}`)
        else assertDone(outcomes[index], seeded[index] ?? {}, `person ${index}`)
        await assertGone(bench.backdoor, person, `records of person ${index} are left`)
      }
      const after = await bench.backdoor.snapshot()
      const gone = [...before].filter(([record, content]) => after.get(record) !== content)
      assert.deepEqual(gone, [], 'somebody outside the batch was touched')
    },
  },
  {
    name: 'redelivery',
    promise: 'the same pass delivered again changes nothing and repeats the true counts',
    async run(bench) {
      const person = bench.person()
      const seeded = await bench.backdoor.seed(person, 2)
      const session = await bench.open()
      const pass = bench.pass(person)
      const [first] = await bench.deliver(session, [pass])
      assertDone(first, seeded)
      const before = await bench.backdoor.snapshot()
      const [second] = await bench.deliver(await bench.open(), [pass])
      assertUntouched(before, await bench.backdoor.snapshot(), 'a redelivery changed the store')
      if (bench.connector.capabilities.receipts === 'none') assert.notEqual(second?.outcome, 'failed')
      else assertDone(second, seeded, 'the redelivered pass')
      // Without the receipts' help too: two hosts may hold the same pass at once.
      await session.erase([pass], bench.io()).catch(() => undefined)
      assertUntouched(
        before,
        await bench.backdoor.snapshot(),
        'erasing the same pass twice changed the store',
      )
    },
  },
  {
    name: 'restored',
    promise: 'a record that came back from a backup is erased again under a new pass',
    async run(bench) {
      const person = bench.person()
      await bench.backdoor.seed(person, 2)
      const session = await bench.open()
      const pass = bench.pass(person)
      await bench.deliver(session, [pass])
      const back = await bench.backdoor.seed(person, 2)
      const [outcome] = await bench.deliver(session, [{ ...pass, passId: 'conformance#1/restore-1' }])
      assertDone(outcome, back, 'the restored person')
      await assertGone(bench.backdoor, person, 'the restored records are still there')
    },
  },
  {
    name: 'receipts-name-nobody',
    promise: 'nothing that Lethe keeps in the store names the person',
    skip: (_connector, backdoor) => (backdoor.letheText ? undefined : 'Lethe keeps nothing in this store'),
    async run(bench) {
      const person = bench.person()
      await bench.backdoor.seed(person, 1)
      await bench.deliver(await bench.open(), [bench.pass(person)])
      assertNamesNobody(await bench.backdoor.letheText?.(), [person], 'what Lethe keeps in the store')
    },
  },
]
