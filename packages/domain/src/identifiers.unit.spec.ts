import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normaliseIdentifier } from './identifiers.js'

const value = (type: string, given: unknown): string => {
  const result = normaliseIdentifier({ type, value: given })
  return result.ok ? result.value : `refused: ${result.detail}`
}

describe('an identifier', () => {
  test.each([
    ['user_id', 'u1', 'u1'],
    ['user_id', 'U1', 'U1'],
    ['user_id', 42, '42'],
    ['user_id', '9007199254740993', '9007199254740993'],
    ['user_id', 9007199254740993n, '9007199254740993'],
    ['user_id', '0b5a7f2e-3a1c-4f5e-9b7d-1c2d3e4f5a6b', '0b5a7f2e-3a1c-4f5e-9b7d-1c2d3e4f5a6b'],
    ['user_id', 'josé', 'josé'],
    ['email', 'Ada.Lovelace+shop@Example.ORG', 'ada.lovelace+shop@example.org'],
    ['email', "o'brien@example.org", "o'brien@example.org"],
    ['email', 'jose\u0301@example.org', 'jos\u00e9@example.org'],
    ['phone', '+49 (30) 123-456', '+4930123456'],
    ['phone', '0049 30 123456', '+4930123456'],
    ['vendor:stripe', 'cus_NffrFeUfNV2Hib', 'cus_NffrFeUfNV2Hib'],
    ['vendor:auth0', 'google|42', 'google|42'],
  ])('%s %s is looked up as %s', (type, given, normal) => {
    expect(value(type, given)).toBe(normal)
  })

  test.each([
    '',
    ' ',
    '*',
    'u1*',
    'u?',
    '%',
    'u1%',
    'u:1',
    'a/b',
    '../u1',
    '..',
    'u 1',
    'u\t1',
    'u\u00001',
    'u\u200b1',
  ])('user_id %j is refused', (given) => expect(value('user_id', given)).toMatch(/^refused/))

  test.each([
    '[u1]',
    '{u1}',
    'u1;',
    "u1'",
    'u1"',
    'u1\\',
    'u1,u2',
    '$u1',
    'u1\ud800',
    'u1|u2',
    'u1\u202e',
    'u1\n',
  ])('user_id %j is refused too', (given) => expect(value('user_id', given)).toMatch(/^refused/))

  test.each([
    'a',
    '@',
    'a@',
    '@b.org',
    'a@@b.org',
    'a b@c.org',
    '*@c.org',
    'a@c..org',
    'a:b@c.org',
    'a%@c.org',
    'a@.org',
  ])('e-mail %j is refused', (given) => expect(value('email', given)).toMatch(/^refused/))

  test('characters that look alike stay different people', () => {
    expect(value('email', 'p\u0430ul@example.org')).not.toBe(value('email', 'paul@example.org'))
    expect(value('user_id', '\uff55\uff11')).not.toBe(value('user_id', 'u1'))
  })

  test('a number that has lost its last digits is refused, and told to be sent as a string', () => {
    expect(value('user_id', 2 ** 53)).toMatch(/as a string/)
    expect(value('user_id', 1.5)).toMatch(/^refused/)
  })

  test('320 characters pass and 321 do not', () => {
    expect(value('user_id', 'u'.repeat(320))).toHaveLength(320)
    expect(value('user_id', 'u'.repeat(321))).toMatch(/^refused/)
  })

  test.each([null, undefined, {}, [], true, Number.NaN, Number.POSITIVE_INFINITY])(
    '%j is refused',
    (given) => {
      expect(value('user_id', given)).toMatch(/^refused/)
    },
  )

  test.each(['name', 'vendor:', 'vendor:UP', 'vendor:a b', '', '__proto__'])(
    'the type %j is unknown',
    (type) => {
      expect(value(type, 'u1')).toMatch(/^refused/)
    },
  )

  const types = fc.constantFrom('user_id', 'email', 'phone', 'vendor:x')
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.emailAddress(),
    fc.stringMatching(/^[\w*?%:/@.+-]{1,20}$/),
  )

  test('normalising twice is normalising once', () => {
    fc.assert(
      fc.property(types, texts, (type, given) => {
        const once = normaliseIdentifier({ type, value: given })
        if (once.ok) expect(normaliseIdentifier({ type, value: once.value })).toEqual(once)
      }),
    )
  })

  test('nothing that passes holds a wildcard, a key delimiter, whitespace or a control character', () => {
    fc.assert(
      fc.property(types, texts, (type, given) => {
        const result = normaliseIdentifier({ type, value: given })
        if (result.ok) expect(result.value).not.toMatch(/[*?%:/\\\s\p{C}]|^$/u)
      }),
      { numRuns: 2_000 },
    )
  })

  test('a refusal says the same whatever was refused', () => {
    const said = new Set<string>()
    fc.assert(
      fc.property(texts, (given) => {
        const result = normaliseIdentifier({ type: 'user_id', value: `*${given}` })
        if (!result.ok) said.add(result.detail)
        expect(result.ok).toBe(false)
      }),
    )
    expect(said.size).toBeLessThanOrEqual(3)
  })
})
