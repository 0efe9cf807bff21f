import { describe, expect, it } from 'vitest'
import type { Person } from './people.js'
import { redaction } from './redaction.js'
import type { Way } from './targets.js'

const way = (by: string, pull: string | null, change: Partial<Way> = {}): Way => ({
  field: { path: by, holds: 'text', longest: 100 },
  identifier: 'user_id',
  createdAt: null,
  takenAlong: false,
  set: {},
  by,
  pull,
  ...change,
})
const person = (...values: string[]): Person => ({
  ord: 0,
  tenantId: 'acme',
  values: new Map([['user_id', values]]),
  receivedAt: 0,
})

describe('taking a person out of a document', () => {
  it.each([
    [{ likes: ['u1', 'u10', 'u1'] }, way('likes', 'likes'), { likes: ['u10'] }],
    [{ likes: 'u1' }, way('likes', 'likes'), { likes: null }],
    [{ likes: ['u1'] }, way('likes', 'likes'), { likes: [] }],
    [{ 'a.likes': ['u1', 'u2'] }, way('a.likes', 'a.likes'), { 'a.likes': ['u2'] }],
    [
      { a: [{ m: [{ id: 'u1' }, { id: 'u2' }] }, { m: { id: 'u1' } }] },
      way('a.m.id', 'a.m'),
      { a: [{ m: [{ id: 'u2' }] }, { m: null }] },
    ],
    [{ m: [{ id: ['u1', 'u1'] }, { name: 'nobody' }] }, way('m.id', 'm'), { m: [{ name: 'nobody' }] }],
  ])('%j loses u1 and nobody else', (source, one, patch) => {
    expect(redaction(source, [one], [person('u1')])).toEqual(patch)
  })

  it('folds the letters of an e-mail and of nothing else', () => {
    const mails = way('to', 'to', { identifier: 'email' })
    const ada = { ...person(), values: new Map([['email', ['a@x']]] as const) }
    expect(redaction({ to: ['A@X', 'b@x'] }, [mails], [ada])).toEqual({ to: ['b@x'] })
    expect(redaction({ likes: ['U1'] }, [way('likes', 'likes')], [person('u1')])).toEqual({})
  })

  it('gives up where an item, or a list that set: would replace, names others too', () => {
    expect(redaction({ m: [{ id: ['u1', 'u2'] }] }, [way('m.id', 'm')], [person('u1')])).toBe('shared_list')
    const set = way('likes', null, { set: { likes: null } })
    expect(redaction({ likes: ['u1', 'u2'] }, [set], [person('u1')])).toBe('shared_list')
    expect(redaction({ likes: ['u1', 'u2'] }, [set], [person('u1'), person('u2')])).toEqual({ likes: null })
  })

  it('gives up on numbers that were rounded when they were read', () => {
    const source = JSON.parse('{ "likes": [9007199254740993, 7] }')
    expect(redaction(source, [way('likes', 'likes')], [person('7')])).toBe('inexact_number')
  })
})
