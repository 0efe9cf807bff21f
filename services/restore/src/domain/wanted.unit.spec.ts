import { describe, expect, it } from 'vitest'
import { digestBytes } from './digest-set.js'
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
})
