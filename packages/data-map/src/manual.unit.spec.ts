import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { advise } from './advise.js'
import { instructionsOf, manualKind } from './manual.js'
import { parseDataMap } from './parse.js'
import { compilePlan, identifiersNeeded } from './plan.js'
import type { DataMap, MapKind } from './types.js'

const shop: MapKind = {
  kind: 'shop',
  stage: 'record',
  system: z.strictObject({}),
  identifiers: (_system, canonical) => [canonical],
}
const kinds: Readonly<Record<string, MapKind>> = { manual: manualKind, shop }

const map = (archive: string) => `version: 3
tenant: { none: true }
identifiers: { canonical: user_id, alias: [email] }
systems:
  shop-pg: { kind: shop, ceiling: 10, backups: [{ name: nightly, keep: P30D }] }
  archive:
    kind: manual
    ${archive.replaceAll('\n', '\n    ')}
`
const good = `instructions: Take the folder out of cabinet 4 and shred it.
role: operator
within: P14D
identifiers: [user_id, email]
backups: [{ name: microfilm, keep: P1Y }]`

function read(archive: string): DataMap {
  const parsed = parseDataMap(map(archive), kinds)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return parsed.map
}
const problems = (archive: string): string[] => {
  const parsed = parseDataMap(map(archive), kinds)
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`)
}

describe('a system that only a person erases from', () => {
  it('has a step beside the system of record, with who does it and within what time', () => {
    const plan = compilePlan(read(good), kinds, 'acme')
    expect(plan.systems.map(({ systemId, byHand }) => [systemId, byHand])).toEqual([
      ['archive', { role: 'operator', withinMs: 14 * 86_400_000 }],
      ['shop-pg', null],
    ])
    expect(plan.steps.map(({ stepId, after }) => [stepId, after])).toEqual([
      ['archive#1', []],
      ['shop-pg#1', []],
    ])
    expect(identifiersNeeded(read(good), kinds).archive).toEqual(['email', 'user_id'])
  })

  it('waits for what the map says it comes after', () => {
    const steps = compilePlan(read(`${good}\nafter: [shop-pg]`), kinds, 'acme').steps
    expect(steps.find(({ stepId }) => stepId === 'archive#1')?.after).toEqual(['shop-pg#1'])
  })

  it('reads its own section again from what it made of it', () => {
    const system = read(good).systems.archive
    expect(manualKind.system.parse(JSON.parse(JSON.stringify(system?.body)))).toEqual(system?.body)
    expect(system && instructionsOf(system)).toBe('Take the folder out of cabinet 4 and shred it.')
    expect(instructionsOf({ kind: 'shop', body: {} })).toBeNull()
  })

  it('is not advised to have a ceiling', () => {
    const codes = advise(read(good.replace(/backups.*/, ''))).flatMap((one) =>
      one.systemId === 'archive' ? [one.code] : [],
    )
    expect(codes).toEqual(['no_backups'])
  })

  it.each([
    [good.replace(/instructions: .*/, ''), 'archive.instructions: "instructions" is missing'],
    [good.replace(/instructions: .*/, 'instructions: shred'), 'in at least ten characters'],
    [good.replace('the folder', 'ada@example.com'), 'instructions name nobody'],
    [good.replace('operator', 'janitor'), 'say who does it at least'],
    [good.replace('P14D', 'two weeks'), 'at least an hour and at most a year'],
    [good.replace('P14D', 'PT5S'), 'at least an hour and at most a year'],
    [good.replace('P14D', 'P3Y'), 'at least an hour and at most a year'],
    [good.replace('[user_id, email]', '[]'), 'at least one identifier type'],
    [good.replace('email]', 'phone]'), '"phone" is not declared'],
    [`${good}\nderivedFrom: [shop-pg]`, 'archive.derivedFrom: a person is not asked twice'],
    [`${good}\nceiling: 5`, 'archive.ceiling: the person who does the task sees'],
    [`${good}\nsettle: PT5S`, 'archive.settle: no probe looks'],
    [`${good}\nconnection: ARCHIVE`, 'archive.connection: nothing connects'],
    [`${good}\nresolves: { email: people.email }`, 'archive.resolves: nobody can ask'],
    [`${good}\nkeys: [a]`, 'unknown key "keys"'],
  ])('is refused with what to do about it (%#)', (archive, says) => {
    expect(problems(archive)).toContainEqual(expect.stringContaining(says))
  })

  it('can be said to hold nothing, without a task', () => {
    expect(compilePlan(read('notApplicable: burnt down'), kinds, 'acme').notApplicable).toEqual([
      { systemId: 'archive', reason: 'burnt down' },
    ])
  })
})
