import { describe, expect, it } from 'vitest'
import { VersionConflict } from './errors.js'
import { isUnavailable } from './unavailable.js'

const coded = (code: string): Error => Object.assign(new Error('as the driver says it'), { code })

describe('an error of the database', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN', '57P01', '57P03', '08006', '53300', '40P01', '25006'])(
    'is nobody’s fault when its code is %s',
    (code) => expect(isUnavailable(coded(code))).toBe(true),
  )

  it.each([
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'timeout exceeded when trying to connect',
  ])('is nobody’s fault when the driver says: %s', (text) =>
    expect(isUnavailable(new Error(text))).toBe(true),
  )

  it('is nobody’s fault when another writer kept winning', () =>
    expect(isUnavailable(new VersionConflict(['r1']))).toBe(true))

  it.each(['23505', '22P02', '42P01', 'grant_invalid', 'offset_conflict'])(
    'is the work’s own when its code is %s',
    (code) => expect(isUnavailable(coded(code))).toBe(false),
  )

  it('is the work’s own when it is any other error', () => {
    expect(isUnavailable(new TypeError('no such property'))).toBe(false)
    expect(isUnavailable('thrown text')).toBe(false)
  })
})
