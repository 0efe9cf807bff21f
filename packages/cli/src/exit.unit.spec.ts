import { DatabaseError } from 'pg'
import { describe, expect, it } from 'vitest'
import { explain } from './exit.js'

function answer(code: string): DatabaseError {
  const error = new DatabaseError('Key (email)=(ada@example.com) of ada@example.com', 40, 'error')
  return Object.assign(error, { code, severity: 'ERROR', detail: 'ada@example.com' })
}

describe('an error of PostgreSQL', () => {
  it.each([
    ['23505', 'Its log says more.'],
    ['22P02', 'Its log says more.'],
    ['28P01', 'check user and password'],
    ['3D000', 'There is no such database'],
    ['42501', 'as the owner of the database'],
    ['42P01', 'A table is missing'],
    ['57P03', 'try again'],
  ])('%s is told by its SQLSTATE, with what to do, never in its own words', (code, advice) => {
    expect(answer(code).message).toContain('ada@')
    const text = explain(answer(code))
    expect(text).toContain(code)
    expect(text).toContain(advice)
    expect(text).not.toContain('ada')
  })

  it('is told apart from others, which say what they say', () => {
    expect(explain(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))).toBe(
      'connect ECONNREFUSED',
    )
  })
})
