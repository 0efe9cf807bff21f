import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyMatcher, scanPattern } from './matcher.js'
import { bytesText, exactKeys, select } from './selectors.js'
import { parseTemplate, templateOf } from './template.js'

const byTenant = { column: 'tenant_id' }
const subject = (tenantId: string, value: string, type: 'user_id' | 'email' = 'user_id') => ({
  subjectRef: 's',
  tenantId,
  identifiers: [{ type, value }],
  receivedAt: 0,
})
function matcher(
  texts: string[],
  people: [tenant: string, value: string][],
  type: 'user_id' | 'email' = 'user_id',
) {
  const templates = texts.map(templateOf)
  const wanted = people.map(([tenant, value], ord) => {
    const selected = select(subject(tenant, value, type), ord, templates, byTenant, type)
    if (!selected.ok) throw new Error(selected.code)
    return selected.wanted
  })
  return { templates, wanted, matcher: new KeyMatcher(templates, wanted) }
}
const owners = (found: ReturnType<KeyMatcher['match']>) => found.map(({ ord }) => ord)

describe('parseTemplate', () => {
  it.each([
    'user:{user_id}*',
    '{user_id}10',
    'a{user_id}',
    '*{user_id}',
    'x:{tenant}{user_id}',
    'é{user_id}',
  ])('refuses %s, in which u1 and u10 could not be told apart', (text) => {
    expect(parseTemplate(text)).toMatchObject({ ok: false, message: expect.stringContaining('u10') })
  })

  it('reads doubled braces as braces', () => {
    const { matcher: found, wanted, templates } = matcher(['{{{user_id}}}:cart'], [['t', 'u1']])
    expect(owners(found.match('{u1}:cart'))).toEqual([0])
    expect(templates.flatMap((template) => wanted.flatMap((one) => exactKeys(template, one)))).toEqual([
      '{u1}:cart',
    ])
  })
})

describe('KeyMatcher', () => {
  const families = [
    'tenant:{tenant}:user:{user_id}:*',
    'tenant:{tenant}:cache:user:{user_id}',
    'u|{user_id}|*|end',
  ]

  it('finds the person of a key and nobody else', () => {
    const { matcher: found } = matcher(families, [
      ['acme', 'u1'],
      ['acme', 'u10'],
      ['globex', 'u1'],
    ])
    const match = (key: string) => found.match(key).map(({ template, ord }) => [template.text, ord])
    expect(match('tenant:acme:user:u1:profile')).toEqual([[families[0], 0]])
    expect(match('tenant:acme:user:u10:a:b:c')).toEqual([[families[0], 1]])
    expect(match('tenant:globex:user:u1:')).toEqual([[families[0], 2]])
    expect(match('tenant:acme:cache:user:u1')).toEqual([[families[1], 0]])
    for (const key of [
      'tenant:acme:user:u1',
      'tenant:acme:user:u100:x',
      'tenant:acme:cache:user:u1:x',
      'xtenant:acme:user:u1:x',
      'tenant:other:user:u1:x',
      'tenant:acme:x:user:u1:y',
      'tenant:acme:user:U1:x',
      '',
    ]) {
      expect(match(key)).toEqual([])
    }
    expect(match('u|u1|x|end')).toEqual([
      [families[2], 0],
      [families[2], 2],
    ])
    expect(match('u|u1|end')).toEqual([])
  })

  it('calls a key ambiguous that may be of somebody whose id holds a delimiter, unless none does', () => {
    const { templates, wanted } = matcher(['user:{user_id}:*', '*:of:{user_id}'], [['t', 'u1']])
    const said = (key: string, plainIds = false) =>
      new KeyMatcher(templates, wanted, plainIds).match(key).map(({ ambiguous }) => ambiguous)
    expect(said('user:u1:cart')).toEqual([false])
    expect(said('user:u1:x:cart')).toEqual([true])
    expect(said('user:u1:')).toEqual([false])
    expect(said('a:b:of:u1')).toEqual([false])
    expect(said('a:of:b:of:u1')).toEqual([true])
    expect(said('a:of:u1')).toEqual([false])
    expect(said('user:u1:x:cart', true)).toEqual([false])
    expect(said('user:u10:x:cart')).toEqual([])
  })

  it('never takes a key of somebody else for sure, whatever their ids hold', () => {
    const id = fc.string({ unit: fc.constantFrom('u', '1', ':', 'x'), minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(id, id, fc.constantFrom('cart', 'x', ''), (mine, other, rest) => {
        fc.pre(mine !== other && !mine.includes(':'))
        const { matcher: found } = matcher(['user:{user_id}:*'], [['t', mine]])
        expect(found.match(`user:${other}:${rest}`).every(({ ambiguous }) => ambiguous)).toBe(true)
      }),
    )
  })

  describe('of two templates that can make one key', () => {
    const pairs = [
      ['a:{user_id}', 'a:{user_id}:x'],
      ['a:{user_id}:*', 'a:{user_id}'],
      ['{user_id}:x', 'a:{user_id}'],
      ['a|{user_id}', 'a|{user_id}:*', 'a|x:{user_id}'],
      ['*:{user_id}', '{user_id}', '{user_id}:x:*'],
      ['t:{tenant}:{user_id}', 't:{tenant}:x:{user_id}'],
    ]
    const id = fc.string({ unit: fc.constantFrom('u', '1', ':', 'x', 'a', '|'), minLength: 1, maxLength: 4 })
    const plain = fc.string({ unit: fc.constantFrom('u', '1', 'x', 'a'), minLength: 1, maxLength: 2 })
    /** Every key the other has is either not taken for mine, or called ambiguous. */
    const neverTaken = (plainIds: boolean) =>
      fc.property(
        fc.constantFrom(...pairs),
        plain,
        id,
        fc.constantFrom('', 'x'),
        (texts, mine, other, rest) => {
          fc.pre(mine !== other)
          const { templates, wanted } = matcher(texts, [['t', mine]])
          const found = new KeyMatcher(templates, wanted, plainIds)
          for (const text of texts) {
            const key = text.replace('{tenant}', 't').replace('{user_id}', other).replace('*', rest)
            // Two plain ids: the template that says more is believed, and the other one is documented.
            if (!/[:|]/.test(other)) continue
            expect(found.match(key).every(({ ambiguous }) => ambiguous)).toBe(true)
          }
        },
      )

    it('none of another’s keys is taken for sure, whatever their id holds', () => {
      fc.assert(neverTaken(false), { numRuns: 2_000 })
    })

    it('a matcher that trusts ids to hold no delimiter would take them', () => {
      expect(() => fc.assert(neverTaken(true), { numRuns: 2_000, seed: 1 })).toThrow(
        /ambiguous|Property failed/,
      )
    })

    it('a key is of whom the template with more text says, and of nobody for sure when both say as much', () => {
      const sure = (texts: string[], mine: string, key: string) =>
        matcher(texts, [['t', mine]])
          .matcher.match(key)
          .map(({ ambiguous }) => !ambiguous)
      const keys = ['user:{user_id}:*', 'user:session:{user_id}']
      expect(sure(keys, 'u1', 'user:session:u1')).toEqual([true])
      expect(sure(keys, 'session', 'user:session:u1')).toEqual([false])
      expect(sure(['a:{user_id}', '{user_id}:x'], 'x', 'a:x')).toEqual([false])
      expect(sure(['a:{user_id}', 'a:{user_id}:x'], 'u1', 'a:u1')).toEqual([true])
      expect(sure(['a:{user_id}', 'a:{user_id}:x'], 'u1', 'a:u1:x')).toEqual([false])
      expect(sure(['a:{user_id}', 'b:{user_id}:x'], 'u1', 'b:u1:x')).toEqual([true])
    })
  })

  it('keeps tenant a with person bc apart from tenant ab with person c', () => {
    const { matcher: found } = matcher(
      ['tenant:{tenant}:user:{user_id}:*'],
      [
        ['a', 'bc'],
        ['ab', 'c'],
      ],
    )
    expect(owners(found.match('tenant:a:user:bc:x'))).toEqual([0])
    expect(owners(found.match('tenant:ab:user:c:x'))).toEqual([1])
  })

  it('takes an identifier of wildcards for what it is: text', () => {
    const { matcher: found } = matcher(
      ['user:{user_id}:*'],
      [
        ['t', '*'],
        ['t', '.*'],
        ['t', '[a-z]+'],
      ],
    )
    expect(owners(found.match('user:u1:x'))).toEqual([])
    expect(owners(found.match('user:*:x'))).toEqual([0])
    expect(owners(found.match('user:.*:x'))).toEqual([1])
  })

  it('finds an e-mail however the cache wrote it, and a user id only as it is', () => {
    const { matcher: mails } = matcher(['mail:{email}:*'], [['t', 'ada@example.test']], 'email')
    expect(owners(mails.match('mail:Ada@Example.TEST:x'))).toEqual([0])
  })

  it('keeps keys of any bytes apart', () => {
    const { matcher: found } = matcher(
      ['user:{user_id}:*'],
      [
        ['t', 'zoë'],
        ['t', '日本'],
      ],
    )
    expect(owners(found.match(bytesText('user:zoë:x')))).toEqual([0])
    expect(owners(found.match(bytesText('user:日本:x')))).toEqual([1])
    expect(owners(found.match(bytesText('user:zoe\u0308:x')))).toEqual([])
    expect(
      owners(found.match(Buffer.from([0x75, 0x73, 0x65, 0x72, 0x3a, 0xff, 0x3a]).toString('latin1'))),
    ).toEqual([])
    expect(owners(found.match(`user:${bytesText('zoë')}:\n\xff`))).toEqual([0])
  })

  it('agrees with comparing the key with every person, for all keys', () => {
    const piece = fc.string({
      unit: fc.constantFrom('u', '1', '0', 'é', '.', '*', '\n'),
      minLength: 1,
      maxLength: 3,
    })
    const key = fc
      .array(fc.oneof(piece, fc.constantFrom('tenant', 'user', 'a', 'b', '')), { maxLength: 6 })
      .map((parts) => bytesText(parts.join(':')))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'ab'), piece), { minLength: 1, maxLength: 6 }),
        fc.array(key, { maxLength: 20 }),
        (people, keys) => {
          const { matcher: found } = matcher(['tenant:{tenant}:user:{user_id}:*'], people)
          const own = people.map(([tenant, value]) => bytesText(`tenant:${tenant}:user:${value}:x`))
          for (const one of [...keys, ...own]) {
            const expected = people.flatMap(([tenant, value], ord) =>
              one.startsWith(bytesText(`tenant:${tenant}:user:${value}:`)) ? [ord] : [],
            )
            expect(owners(found.match(one))).toEqual(expected)
          }
        },
      ),
    )
  })
})

describe('select', () => {
  it.each(['', 'u1:x', ':', 'tenant:acme', '\ud800'])('refuses %j before anything is looked for', (value) => {
    const templates = [templateOf('tenant:{tenant}:user:{user_id}:*')]
    expect(select(subject('acme', value), 0, templates, byTenant, 'user_id')).toEqual({
      ok: false,
      code: 'invalid_identifier',
    })
    expect(select(subject(value, 'u1'), 0, templates, byTenant, 'user_id')).toMatchObject({ ok: false })
  })

  it('refuses someone without the canonical identifier, and another tenant where there is one only', () => {
    const templates = [templateOf('user:{user_id}:*')]
    const mail = { ...subject('acme', 'u1'), identifiers: [{ type: 'email', value: 'a@b.test' } as const] }
    expect(select(mail, 0, templates, byTenant, 'user_id')).toMatchObject({ code: 'identifier_missing' })
    expect(select(subject('acme', 'u1'), 0, templates, { constant: 'shop' }, 'user_id')).toMatchObject({
      code: 'unknown_tenant',
    })
  })
})

describe('scanPattern', () => {
  it('holds the literal beginning that all templates share and never an identifier', () => {
    const of = (...texts: string[]) => scanPattern(texts.map(templateOf))
    expect(of('tenant:{tenant}:user:{user_id}:*', 'tenant:{tenant}:session:{user_id}:*')).toBe('tenant:*')
    expect(of('tenant:{tenant}:user:{user_id}:*', 'user:{user_id}:*')).toBe('*')
    expect(of('{user_id}:*')).toBe('*')
  })
})
