import assert from 'node:assert/strict'
import type { ProbeFinding, ProbeSession, Subject } from '../../connector.js'
import { columnsOf } from '../../people-columns.js'
import { assertUntouched } from '../assertions.js'
import type { Bench } from '../bench.js'
import type { Check } from '../check.js'
import { token } from '../people.js'

/** Looking for people in columns, by a connector that can; of one that can't there is nothing to hold to it. */
export const sifting: readonly Check[] = [
  {
    name: 'sift-exact',
    promise: 'sift, where there is one, leaves out exactly whom the probe calls clean',
    async run(bench) {
      const probe = await bench.openProbe()
      const mixed = await mixedPeople(bench)
      const before = await bench.backdoor.snapshot()
      await assertAgree(probe, mixed)
      await assertAgree(probe, mixed.toReversed())
      for (const value of HOSTILE) await assertAgree(probe, [hostile(bench, value), ...mixed.slice(0, 2)])
      await assertAgree(probe, [...mixed.slice(0, 2), { ...named(bench), identifiers: [] }])
      await assertAgree(probe, [])
      assertUntouched(before, await bench.backdoor.snapshot(), 'sift changed the store')
    },
  },
  {
    name: 'blind-sift',
    promise: 'a sift that could not look leaves nobody out',
    async run(bench) {
      const person = bench.person()
      await bench.backdoor.seed(person, 1)
      for (let at = 1; at <= 20; at++) if (!(await blindAt(bench, at, bench.pass(person).subject))) break
    },
  },
]

const HOSTILE = ["'; --", '"', '\\', '{}', '\u0000', '\ud800', '', 'NULL', '9'.repeat(40), '*']

/** There, erased, never there, look-alikes of who is there, and the same in another tenant. */
async function mixedPeople(bench: Bench): Promise<Subject[]> {
  const name = token()
  const [there, erased, too] = [bench.person({ name }), bench.person(), bench.person()]
  for (const one of [there, erased, too]) await bench.backdoor.seed(one, 1)
  await bench.deliver(await bench.open(), [bench.pass(erased)])
  const left = bench.pass(there).subject
  const strangers = [bench.person(), bench.person({ name: `${name}0` }), bench.person({ tenantId: 'globex' })]
  return [
    bench.pass(erased).subject,
    left,
    ...strangers.map((one) => bench.pass(one).subject),
    { ...left, tenantId: 'globex' },
    bench.pass(too).subject,
    { ...left, identifiers: [...named(bench).identifiers, ...left.identifiers] },
  ]
}

const named = (bench: Bench): Subject => bench.pass(bench.person()).subject

const hostile = (bench: Bench, value: string): Subject => ({
  ...named(bench),
  identifiers: bench.types.map((type) => ({ type, value })),
})

/** Of subjects the probe throws for, nobody is called absent either. */
async function assertAgree(probe: ProbeSession, subjects: readonly Subject[]): Promise<void> {
  if (probe.sift === undefined) return
  const findings = await probe.probe(subjects).catch(() => null)
  const places = await probe.sift(columnsOf(subjects)).catch(() => null)
  const wanted = findings?.flatMap((finding, place) => (isClean(finding) ? [] : [place])) ?? null
  assert.deepEqual(places, wanted, 'sift does not leave out exactly whom the probe calls clean')
}

const isClean = ({ result, undated = {} }: ProbeFinding): boolean =>
  result === 'clean' && Object.keys(undated).length === 0

/** Cuts the connection at the `at`-th write; false when it needed fewer. */
async function blindAt(bench: Bench, at: number, subject: Subject): Promise<boolean> {
  const probe = await bench.openProbe(bench.proxy.endpoint)
  bench.proxy.arm('cut-response', at)
  const places = (await probe.sift?.(columnsOf([subject])).catch(() => [0])) ?? [0]
  const struck = bench.proxy.hasStruck
  bench.proxy.arm()
  assert.deepEqual(places, [0], `a sift cut at write ${at} calls somebody absent`)
  return struck
}
