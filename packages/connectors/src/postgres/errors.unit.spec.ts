import { randomUUID } from 'node:crypto'
import { inspect } from 'node:util'
import { RetryableError, TerminalError } from '@lethe/eraser-kit'
import { describe, expect, test } from 'vitest'
import { crossing, failureOf } from './errors.js'

/** A name that no folder of a checkout has: stacks hold paths, and they are searched for it. */
const person = randomUUID()

describe('what the driver throws', () => {
  test.each([
    ['40P01', 'deadlock', 'retryable', 'transaction'],
    ['55P03', 'row_locked', 'retryable', 'row'],
    ['23503', 'referenced_elsewhere', 'terminal', 'row'],
    ['22001', 'replacement_invalid', 'terminal', 'row'],
    ['28P01', 'access_refused', 'terminal', 'batch'],
    ['53300', 'store_busy', 'retryable', 'batch'],
    ['LE001', 'grant_expired', 'retryable', 'batch'],
    ['XX000', 'store_error', 'retryable', 'batch'],
    ['ECONNREFUSED', 'connection_lost', 'retryable', 'batch'],
  ])('%s is %s', (code, name, errorClass, scope) => {
    expect(failureOf({ code })).toEqual({ code: name, errorClass, scope })
  })

  test('leaves without its message, its detail and its cause', () => {
    const thrown = Object.assign(new Error(`duplicate key ${person}@x.test`), {
      code: '42P01',
      detail: `Key (email)=(${person}@x.test)`,
      table: person,
    })
    const error = crossing(thrown, 'erase a batch')
    expect(error).toBeInstanceOf(TerminalError)
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(person)
    expect(crossing(new Error(`connect ${person}`), 'connect')).toBeInstanceOf(RetryableError)
    expect(crossing(error, 'again')).toBe(error)
  })

  test('a mistake of the connector itself is told apart, with where it was and without what it handled', () => {
    const error = crossing(new TypeError(`${person} is not a function`), 'probe')
    expect(error).toMatchObject({ code: 'internal', errorClass: 'retryable' })
    expect((error.cause as Error).stack).toMatch(/^TypeError\n\s+at /)
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(person)
    const looksLikeFrames = crossing(new SyntaxError(`no JSON:\n    at ${person} (here)`), 'probe')
    expect((looksLikeFrames.cause as Error).stack).toMatch(/^SyntaxError\n\s+at /)
    expect(inspect(looksLikeFrames, { depth: 9, showHidden: true })).not.toContain(person)
  })
})
