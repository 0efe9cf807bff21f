import assert from 'node:assert/strict'
import { assertUntouched } from '../assertions.js'
import type { Bench } from '../bench.js'
import type { Check } from '../check.js'
import { token } from '../people.js'

/** The independent look afterwards. */
export const probing: readonly Check[] = [
  {
    name: 'probe-finds',
    promise: 'the probe finds what a lying eraser left, in each mapped collection',
    async run(bench) {
      const left = bench.person()
      const erased = bench.person()
      const seeded = await bench.backdoor.seed(left, 2)
      await bench.backdoor.seed(erased, 2)
      await bench.deliver(await bench.open(), [bench.pass(erased)])
      const before = await bench.backdoor.snapshot()
      const probe = await bench.openProbe()
      const [residual, clean] = await probe.probe([bench.pass(left).subject, bench.pass(erased).subject])
      assert.equal(residual?.result, 'residual', 'the probe believed a lying eraser')
      for (const collection of Object.keys(await bench.backdoor.count(left)).filter((name) => seeded[name]))
        assert.ok(
          (residual.residual[collection] ?? 0) > 0,
          `the probe does not see what is left in ${collection}`,
        )
      assert.equal(clean?.result, 'clean', 'the probe finds somebody who was erased')
      assertUntouched(before, await bench.backdoor.snapshot(), 'the probe changed the store')
    },
  },
  {
    name: 'probe-exact',
    promise: 'the probe of an erased person does not take a look-alike for them',
    async run(bench) {
      const name = token()
      for (const other of [`${name}0`, `0${name}`])
        await bench.backdoor.seed(bench.person({ name: other }), 1)
      const probe = await bench.openProbe()
      const [finding] = await probe.probe([bench.pass(bench.person({ name })).subject])
      assert.equal(finding?.result, 'clean', 'the probe takes a look-alike for the person')
    },
  },
  {
    name: 'blind-probe',
    promise: 'a probe that could not look never says clean',
    async run(bench) {
      const person = bench.person()
      await bench.backdoor.seed(person, 1)
      for (let at = 1; at <= 20; at++) if (!(await blindAt(bench, at, person))) break
    },
  },
]

/** Cuts the probe's connection at the `at`-th write; false when it needed fewer. */
async function blindAt(bench: Bench, at: number, person: ReturnType<Bench['person']>): Promise<boolean> {
  const probe = await bench.openProbe(bench.proxy.endpoint)
  bench.proxy.arm('cut-response', at)
  const findings = await probe.probe([bench.pass(person).subject]).catch(() => [])
  const struck = bench.proxy.hasStruck
  bench.proxy.arm()
  for (const { result } of findings) assert.notEqual(result, 'clean', `a probe cut at write ${at} says clean`)
  return struck
}
