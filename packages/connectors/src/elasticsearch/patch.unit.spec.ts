import { describe, expect, it } from 'vitest'
import { patchOf } from './patch.js'

describe('the partial document of a redaction', () => {
  it('replaces nested and dotted spellings of a path, and leaves everything else out', () => {
    const source = {
      user_id: 'u1',
      address: { street: 'Main', city: 'X' },
      'address.street': 'Main',
      kept: 1,
    }
    expect(patchOf(source, { user_id: null, 'address.street': '[erased]' })).toEqual({
      user_id: null,
      address: { street: '[erased]' },
      'address.street': '[erased]',
    })
  })

  it('gives a list back whole, with every replacement made in each of its items', () => {
    const source = { people: [{ name: 'Ada', mail: 'a@x', role: 'r' }, { name: 'Bob' }, 7], kept: [1] }
    expect(patchOf(source, { 'people.name': null, 'people.mail': '[erased]' })).toEqual({
      people: [{ name: null, mail: '[erased]', role: 'r' }, { name: null }, 7],
    })
  })

  it('replaces a list of values as a whole', () => {
    expect(patchOf({ user_id: ['u1', 'u2'] }, { user_id: null })).toEqual({ user_id: null })
  })

  it('adds nothing that is not there', () => {
    expect(patchOf({ user_id: 'u1' }, { user_id: null, 'address.street': null })).toEqual({ user_id: null })
  })

  it('gives up on a list whose numbers it could not repeat', () => {
    const source = JSON.parse('{ "orders": [{ "id": 9007199254740993, "mail": "a@x" }] }')
    expect(patchOf(source, { 'orders.mail': null })).toBeNull()
  })

  it('leaves large numbers beside the path alone', () => {
    const source = JSON.parse('{ "order": { "id": 9007199254740993, "mail": "a@x" } }')
    expect(patchOf(source, { 'order.mail': null })).toEqual({ order: { mail: null } })
  })

  it('gives each document a value of its own', () => {
    const patches = [1, 2].map(() => patchOf({ email: 'a@x' }, { email: { random: 'email' } }))
    expect(patches[0]?.email).toMatch(/@erased\.invalid$/)
    expect(patches[0]?.email).not.toBe(patches[1]?.email)
  })
})
