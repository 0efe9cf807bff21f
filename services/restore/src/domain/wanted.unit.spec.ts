import { packTexts, TextColumn } from '@lethe/domain'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, digestBytes } from './digest-set.js'
import { Wanted } from './wanted.js'

const digest = (pepper: string, value: string) =>
  `${pepper}.${digestBytes(pepper, 'shop', 'user_id', value).toString('base64url')}`
const person = (tenantId: string, mapVersion: number, ...digests: string[]) => ({
  mapVersion,
  digested: { tenantId, digests },
})

describe('people who are wanted', () => {
  it('can be found with one of their peppers, and are lost without', () => {
    const wanted = new Wanted()
    wanted.add(person('shop', 1, digest('v1', 'u1'), digest('v2', 'u1')))
    wanted.add(person('shop', 1, digest('v1', 'u2'), digest('v1', 'u2@')))
    wanted.add(person('acme', 2, digest('v12', 'u3')))
    wanted.add(person('none', 3))
    wanted.add(person('none', 3, 'v1.'))
    wanted.add({ mapVersion: 4 })
    expect(wanted.counts([{ version: 'v1' }])).toEqual({ sought: 2, lost: 4 })
    expect(wanted.counts([{ version: 'v2' }, { version: 'v12' }])).toEqual({ sought: 2, lost: 4 })
    expect(wanted.counts([])).toEqual({ sought: 0, lost: 6 })
    expect([wanted.set.size, [...wanted.tenants], [...wanted.versions]]).toEqual([
      5,
      ['shop', 'acme'],
      [1, 2],
    ])
    expect(wanted.set.has(digestBytes('v1', 'shop', 'user_id', 'u2'))).toBe(true)
  })

  it('are the same in columns', () => {
    const text = fc.constantFrom('v1.', 'v1.short', 'v2.not*base64url', '', 'none', `v3.${'+/'.repeat(20)}`)
    const some = fc.oneof(
      fc.tuple(fc.constantFrom('v1', 'v2', 'v12'), fc.nat(50)).map(([one, n]) => digest(one, `u${n}`)),
      text,
    )
    const one = fc.record({
      mapVersion: fc.nat(3),
      tenantId: fc.constantFrom('shop', 'acme', null),
      digests: fc.array(some, { maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(one, { maxLength: 40 }), (given) => {
        // Whom nobody names has no digests.
        const people = given.map((each) => (each.tenantId === null ? { ...each, digests: [] } : each))
        const [byOne, together] = [new Wanted(), new Wanted()]
        for (const { mapVersion, tenantId, digests } of people)
          byOne.add({ mapVersion, digested: tenantId === null ? undefined : { tenantId, digests } })
        const begins = [0]
        for (const { digests } of people) begins.push((begins.at(-1) as number) + digests.length)
        const all = people.flatMap(({ digests }) => digests)
        together.addAll({
          mapVersions: people.map(({ mapVersion }) => mapVersion),
          tenantIds: people.map(({ tenantId }) => tenantId),
          begins,
          digests: TextColumn.from(packTexts(all)) as TextColumn,
        })
        const peppers = [['v1'], ['v2', 'v12'], ['v3', 'none'], []]
        for (const some of peppers) {
          const known = some.map((version) => ({ version }))
          expect(together.counts(known)).toEqual(byOne.counts(known))
        }
        expect([together.set.size, together.tenants, together.versions]).toEqual([
          byOne.set.size,
          byOne.tenants,
          byOne.versions,
        ])
        for (const bytes of all.flatMap((each) => bytesOf(each) ?? []))
          expect(together.set.has(bytes)).toBe(true)
      }),
    )
  })
})
