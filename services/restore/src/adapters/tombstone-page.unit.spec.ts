import { describe, expect, it } from 'vitest'
import { pageIn } from './tombstone-page.js'

const person = { subjectRef: 's', tenantId: 't', receivedAt: 1 }
const subject = { ...person, identifiers: [{ type: 'email', value: 'a@example.com' }] }
const tombstone = { tombstoneId: 't1', requestId: 'r1', mapVersion: 1, held: false, subject }
const page = (one: object) => ({ validUntil: 5, tombstones: [tombstone, one] })

describe('a page of tombstones', () => {
  it('is given out as it was read', () => {
    const gone = {
      ...tombstone,
      subject: null,
      code: 'x',
      ceilingWaived: true,
      digested: { ...person, digests: ['v1.x'] },
    }
    for (const one of [tombstone, gone]) expect(pageIn(page(one))).toEqual(page(one))
    expect(pageIn({ validUntil: 5, tombstones: [] })).toEqual({ validUntil: 5, tombstones: [] })
  })

  it('is none when anything of one tombstone is missing or of another type', () => {
    for (const key of Object.keys(tombstone)) {
      const { [key]: _, ...rest } = tombstone as Record<string, unknown>
      expect(pageIn(page(rest)), key).toBeNull()
      for (const wrong of [[], undefined, key === 'held' ? 1 : true, Number.NaN])
        expect(pageIn(page({ ...tombstone, [key]: wrong })), key).toBeNull()
    }
    for (const key of ['ceilingWaived', 'code', 'digested'])
      expect(pageIn(page({ ...tombstone, [key]: 7 })), key).toBeNull()
    for (const key of Object.keys(subject)) {
      expect(pageIn(page({ ...tombstone, subject: { ...subject, [key]: null } })), key).toBeNull()
    }
    for (const key of Object.keys(person))
      expect(
        pageIn(page({ ...tombstone, digested: { ...person, digests: [], [key]: null } })),
        key,
      ).toBeNull()
    for (const identifiers of [[null], [{ type: 'email' }], [{ type: 1, value: 'x' }], 'x'])
      expect(pageIn(page({ ...tombstone, subject: { ...subject, identifiers } }))).toBeNull()
    for (const digests of [[1], null, 'x'])
      expect(pageIn(page({ ...tombstone, digested: { ...person, digests } }))).toBeNull()
    for (const other of [null, [], 1, { validUntil: '5', tombstones: [] }, { validUntil: 5, tombstones: {} }])
      expect(pageIn(other)).toBeNull()
  })
})
