import { parseDataMap } from '@lethe/data-map'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { kinds } from './kinds.js'

const map = (cache: string, tenant = '{ column: tenant_id }') => `version: 1
tenant: ${tenant}
identifiers: { canonical: user_id, alias: [email] }
systems:
  shop-pg:
    kind: postgres
    resolves: { user_id: users.id, email: users.email }
    elements:
      - { table: users, by: id, method: delete, createdAt: created_at }
  cache:
    kind: redis
    ${cache}
`
const problems = (cache: string, tenant?: string) => {
  const parsed = parseDataMap(map(cache, tenant), kinds)
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`)
}

describe('kinds', () => {
  it('are named as they are registered, and refuse keys they do not know', () => {
    for (const [name, kind] of Object.entries(kinds)) {
      expect(kind.kind).toBe(name)
      const result = kind.system.safeParse({ surprise: 1 })
      expect(result.error?.issues).toContainEqual(expect.objectContaining({ code: 'unrecognized_keys' }))
    }
  })

  it('read their own section again from what they made of it', () => {
    const parsed = parseDataMap(
      map("keys: ['tenant:{tenant}:user:{user_id}:*']\n    idsHoldDelimiters: false"),
      kinds,
    )
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
    for (const system of Object.values(parsed.map.systems)) {
      const sent: unknown = JSON.parse(JSON.stringify(system.body))
      expect(kinds[system.kind]?.system.parse(sent)).toEqual(system.body)
    }
  })

  it.each([
    ["keys: ['tenant:{tenant}:user:*']", 'exactly one identifier'],
    ["keys: ['user:{user_id}*']", 'u1 would match u10'],
    ["keys: ['user{user_id}:*']", 'u1 would match u10'],
    ["keys: ['*{user_id}']", 'u1 would match u10'],
    ["keys: ['user:{user_id}:*:*']", 'at most one *'],
    ["keys: ['user:{user_id}:?']", 'no wildcard'],
    ["keys: ['user:{user_id}:*']", 'may an id hold ":"? Then this * could cover'],
    ["keys: ['a:{user_id}', 'a:{user_id}:x']", "another's by a:{user_id}:x"],
    ["keys: ['a:{user_id}']\n    sets: [{ set: 'a:{user_id}:keys' }]", 'Say idsHoldDelimiters: false'],
    ["keys: ['user:{user_id}:*']\n    idsHoldDelimiters: maybe", 'say true or false'],
    ["keys: ['user:{user_id}:{email}']", 'exactly one identifier'],
    ["keys: ['user:{name}:x']", '{name} is no placeholder'],
    ["keys: ['user:{phone}:x']", '"phone" is not declared'],
    ["keys: ['lethe:{user_id}:x']", "Lethe's own"],
    ["keys: ['user:{user_id}', 'user:{user_id}']", 'listed twice'],
    ['keys: []', 'at least one key template'],
    ["keys: ['user:{user_id']", 'write {{ for a brace'],
    ["sets: [{ set: 'keys:{user_id}:*' }]", 'remove the *'],
    ["sets: [{ set: 'keys:{user_id}', key: 'x' }]", '{member}'],
  ])('redis refuses %s', (cache, says) => {
    expect(problems(cache)).toContainEqual(expect.stringContaining(says))
  })

  it.each([
    "keys: ['{{{user_id}}}:cart']",
    "sets: [{ set: 'tenant:{tenant}:keys:{user_id}', key: 's:{member}' }]",
  ])('redis takes %s', (cache) => {
    expect(problems(cache)).toEqual([])
  })

  it('take any value in any place of a section for what it is, or say what is wrong with it', {
    timeout: 60_000,
  }, () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }),
      fc.constantFrom(
        '*',
        '{user_id}*',
        '{tenant}{user_id}',
        '../u1',
        "'; DROP TABLE users; --",
        '\u0000',
        '\u202eu1',
        '__proto__',
      ),
      fc.constantFrom(
        '{{{user_id}}}',
        '{user_id',
        'u1:{user_id}:*',
        'x'.repeat(10_240),
        'constructor.prototype',
      ),
      fc.constantFrom<unknown>(null, true, -1, 2 ** 53 + 2, [], {}, ['*'], { $ne: null }),
    )
    const section = fc.oneof(
      fc.record(
        {
          kind: fc.constant('redis'),
          keys: fc.array(hostile, { maxLength: 2 }),
          prefix: hostile,
          idsHoldDelimiters: hostile,
        },
        { requiredKeys: ['kind'] },
      ),
      fc.record({ kind: fc.constant('redis'), sets: fc.array(fc.record({ set: hostile, key: hostile })) }),
      fc.record({
        kind: fc.constant('postgres'),
        resolves: fc.record({ user_id: hostile }),
        elements: fc.array(
          fc.record({
            table: hostile,
            by: hostile,
            method: fc.constantFrom('delete', 'redact'),
            set: fc.record({ a: hostile }),
          }),
          { maxLength: 2 },
        ),
      }),
      fc.record({
        kind: fc.constant('elasticsearch'),
        indices: fc.array(
          fc.record({ name: hostile, by: hostile, routing: hostile, method: fc.constant('delete') }),
          { maxLength: 2 },
        ),
      }),
    )
    fc.assert(
      fc.property(section, hostile, (one, tenant) => {
        const given = {
          version: 1,
          tenant: { column: tenant },
          identifiers: { canonical: 'user_id', alias: ['email'] },
          systems: { one },
        }
        const parsed = parseDataMap(JSON.stringify(given), kinds)
        if (parsed.ok) {
          expect(parsed.map.systems.one?.kind).toBe(one.kind)
          return
        }
        expect(parsed.problems.length).toBeGreaterThan(0)
        for (const { message } of parsed.problems) expect(message).not.toBe('')
      }),
      { numRuns: 300 },
    )
  })

  it('redis tells whoever resolves ids what it takes for granted of them', () => {
    const said = (idsHoldDelimiters: boolean) => {
      const keys = "keys: ['user:{user_id}:*', '|{user_id}|*', 'mail.{email}']"
      const parsed = parseDataMap(map(`${keys}\n    idsHoldDelimiters: ${idsHoldDelimiters}`), kinds)
      return parsed.ok ? parsed.map.systems['shop-pg']?.neverHeld : parsed.problems
    }
    expect(said(false)).toEqual({ user_id: ':|' })
    expect(said(true)).toBeUndefined()
    const exact = parseDataMap(
      map("keys: ['a:{user_id}', 'a:{user_id}:x', 'm|{email}']\n    idsHoldDelimiters: false"),
      kinds,
    )
    expect(exact.ok && exact.map.systems['shop-pg']?.neverHeld).toEqual({ user_id: ':' })
  })

  it('redis refuses a tenant placeholder in a map without tenants', () => {
    expect(problems("keys: ['tenant:{tenant}:user:{user_id}']", '{ none: true }')).toEqual([
      expect.stringContaining('remove {tenant}'),
    ])
  })
})
