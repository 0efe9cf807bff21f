import { describe, expect, it } from 'vitest'
import type { Identifier } from './identifier.js'
import { countByType, learn, merge, neededBy, surrogates, verdictOf } from './person.js'

const id = (type: string, value: string): Identifier => ({ type: type as 'email', value })
const email = id('email', 'a@x.de')
const user = id('user_id', 'u1')
const twin = id('user_id', 'u10')
const vendor = id('vendor:stripe', 'cus_1')

describe('a person', () => {
  it('is the union of what was given and what was found, each once', () => {
    expect(merge([email], [user, email, user])).toEqual([email, user])
  })

  it('is nobody when no system found anyone', () => {
    const person = learn({ identifiers: [email], candidates: 0 }, [[], []])
    expect(verdictOf(person, 'user_id')).toEqual({ kind: 'nobody' })
  })

  it('is two people when one system found two', () => {
    const person = learn({ identifiers: [email], candidates: 0 }, [[[user], [twin]]])
    expect(verdictOf(person, 'user_id')).toEqual({ kind: 'many', candidates: 2 })
  })

  it('is two people when two systems disagree about the canonical id', () => {
    const person = learn({ identifiers: [email], candidates: 0 }, [[[user]], [[twin]]])
    expect(verdictOf(person, 'user_id')).toEqual({ kind: 'many', candidates: 2 })
  })

  it('is one when everything leads to the same id', () => {
    const person = learn({ identifiers: [email], candidates: 0 }, [[[user, vendor]], [[user]]])
    expect(verdictOf(person, 'user_id')).toEqual({ kind: 'one', identifiers: [email, user, vendor] })
  })
})

describe('what leaves the vault', () => {
  it('is of the types the system needs and no other', () => {
    expect(neededBy([email, user, vendor], ['user_id'])).toEqual([user])
    expect(neededBy([email], [])).toEqual([])
  })

  it('is the ids a store gave, where an address could be someone else’s by now', () => {
    expect(surrogates([email, user, vendor, id('phone', '+4930123456')])).toEqual([user, vendor])
    expect(surrogates([email])).toEqual([])
  })

  it('counts per type, without values', () => {
    expect(countByType([user, twin, email])).toEqual({ user_id: 2, email: 1 })
  })
})
