import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseDataMap } from './parse.js'
import type { DataMap, MapKind, Problem } from './types.js'

const postgres: MapKind = {
  kind: 'postgres',
  stage: 'record',
  system: z.strictObject({
    resolves: z.record(z.string(), z.string()).optional(),
    elements: z.array(
      z.looseObject({ table: z.string(), by: z.string(), identifier: z.string().optional() }),
    ),
  }),
  identifiers: (_system, canonical) => [canonical],
}
const redis: MapKind = {
  kind: 'redis',
  stage: 'cache',
  system: z.strictObject({ keys: z.array(z.string()).min(1, 'list at least one key template') }),
  identifiers: (system, canonical) =>
    (system as { keys: string[] }).keys.some((key) => key.includes('{phone}')) ? ['phone'] : [canonical],
  check: (system, { tenant }) =>
    (system as { keys: string[] }).keys.flatMap((key, index) =>
      'none' in tenant && key.includes('{tenant}')
        ? [{ path: ['keys', index], message: 'there is no tenant: remove {tenant}' }]
        : [],
    ),
}
const kinds = { postgres, redis }

const good = `version: 7
tenant: { column: tenant_id }            # which column
identifiers: { canonical: user_id, alias: [email, 'vendor:stripe'] }
systems:
  shop-pg:
    kind: postgres
    connection: SHOP_PG
    resolves: { user_id: users.id, email: users.email, 'vendor:stripe': users.stripe_customer_id }
    ceiling: 5000
    backups: [{ name: nightly, keep: P30D }, { name: weekly, keep: P90D }]
    elements:
      - { table: users, by: id }
      - { table: newsletter, by: email, identifier: email }
  cache:
    kind: redis
    keys: ['tenant:{tenant}:user:{user_id}:*']
    derivedFrom: [shop-pg]
    settle: PT5S
`

function parsed(text: string): DataMap {
  const result = parseDataMap(text, kinds)
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.map
}
function problems(text: string): readonly Problem[] {
  const result = parseDataMap(text, kinds)
  return result.ok ? [] : result.problems
}
const change = (from: string | RegExp, to: string) => {
  const text = good.replace(from, to)
  expect(text).not.toBe(good)
  return problems(text)
}

describe('parseDataMap', () => {
  it('reads the map of the contracts', () => {
    const map = parsed(good)
    expect(map).toMatchObject({ version: 7, tenant: { column: 'tenant_id' } })
    expect(Object.keys(map.systems)).toEqual(['cache', 'shop-pg'])
    expect(map.systems['shop-pg']).toMatchObject({
      connection: 'SHOP_PG',
      ceiling: 5000,
      backups: [
        { name: 'nightly', keepMs: 30 * 86_400_000 },
        { name: 'weekly', keepMs: 90 * 86_400_000 },
      ],
      resolves: { user_id: 'users.id' },
      body: { elements: [{ table: 'users', by: 'id' }, { table: 'newsletter' }] },
    })
    expect(map.systems.cache).toMatchObject({
      connection: 'CACHE',
      settleMs: 5000,
      ceiling: null,
      backups: [],
    })
  })

  it('gives a digest that layout, comments and key order do not change and any value does', () => {
    const reordered = good
      .replace('    ceiling: 5000\n', '')
      .replace('    kind: postgres\n', '    ceiling: 5000\n    kind: postgres\n')
      .replace(/ +# which column/, '')
    expect(parsed(reordered).digest).toBe(parsed(good).digest)
    expect(parsed(good).digest).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(parsed(good.replace('5000', '5001')).digest).not.toBe(parsed(good).digest)
  })

  it.each<[string, string | RegExp, string, Partial<Problem> & { says: string }]>([
    [
      'an unknown key at the top',
      'version: 7',
      'version: 7\nsystem: 1',
      { path: 'system', line: 2, says: 'write "systems"' },
    ],
    [
      'an unknown key of a system',
      'ceiling: 5000',
      'ceilin: 5000',
      { path: 'systems.shop-pg.ceilin', line: 9, says: 'write "ceiling"' },
    ],
    ['an unknown key without a near one', 'settle: PT5S', 'colour: red', { line: 18, says: 'remove it' }],
    [
      'a backup without an end date',
      ', keep: P90D',
      '',
      { path: 'systems.shop-pg.backups[1].keep', line: 10, says: 'no end date' },
    ],
    ['a duration that is none', 'P30D', '30 days', { line: 10, says: 'ISO 8601' }],
    [
      'a kind without a connector',
      'kind: redis',
      'kind: memcached',
      { path: 'systems.cache.kind', line: 15, says: 'postgres, redis' },
    ],
    ['a missing kind', '    kind: redis\n', '', { path: 'systems.cache.kind', line: 14, says: 'missing' }],
    ['a system name with capitals', '  cache:', '  Cache:', { line: 14, says: 'rename' }],
    [
      'a secret instead of its name',
      'connection: SHOP_PG',
      'connection: postgres://u:p@h/d',
      { line: 7, says: 'never write the secret' },
    ],
    [
      'a source that does not exist',
      '[shop-pg]',
      '[shop]',
      { path: 'systems.cache.derivedFrom[0]', line: 17, says: 'no system "shop"' },
    ],
    [
      'a system derived from itself',
      '[shop-pg]',
      '[cache]',
      { path: 'systems.cache.derivedFrom', says: 'cache → cache' },
    ],
    [
      'a column called like an alias without identifier:',
      ', identifier: email',
      '',
      { path: 'systems.shop-pg.elements[1].by', line: 13, says: 'add identifier: email' },
    ],
    [
      'an identifier that is not declared',
      'identifier: email',
      'identifier: phone',
      { line: 13, says: 'not declared' },
    ],
    [
      'a placeholder whose type is not declared',
      '{user_id}',
      '{phone}',
      { path: 'systems.cache', says: '"phone" is not declared' },
    ],
    [
      'a resolver of an undeclared type',
      "'vendor:stripe': users",
      'phone: users',
      { line: 8, says: 'not declared' },
    ],
    [
      'an alias that is the canonical identifier',
      '[email,',
      '[user_id, email,',
      { line: 3, says: 'canonical' },
    ],
    [
      'a tenant rule that is two',
      '{ column: tenant_id }',
      '{ column: a, constant: b }',
      { path: 'tenant', line: 2, says: 'exactly one' },
    ],
    [
      'what only the kind can see',
      '{ column: tenant_id }',
      '{ none: true }',
      { path: 'systems.cache.keys[0]', line: 16, says: 'remove {tenant}' },
    ],
    [
      'an empty list of the kind',
      /keys: .*/,
      'keys: []',
      { path: 'systems.cache.keys', line: 16, says: 'at least one' },
    ],
    ['a ceiling of nothing', '5000', '0', { line: 9, says: 'at least 1' }],
    ['YAML that is none', 'version: 7', 'version: [7', { says: 'not valid YAML' }],
    ['a key written twice', 'version: 7', 'version: 7\nversion: 8', { line: 2, says: 'not valid YAML' }],
  ])('refuses %s and says where', (_title, from, to, { says, ...where }) => {
    const found = change(from, to)
    expect(found).toContainEqual(
      expect.objectContaining({ ...where, message: expect.stringContaining(says) }),
    )
  })

  it('names a cycle of after and leaves a loop of after against derivedFrom alone', () => {
    const mutual = good.replace('ceiling: 5000', 'after: [cache]')
    expect(problems(mutual)).toEqual([])
    const cyclic = problems(mutual.replace('settle: PT5S', 'after: [shop-pg]'))
    expect(cyclic).toEqual([
      { path: 'systems.cache.after', line: 18, message: expect.stringContaining('cache → shop-pg → cache') },
    ])
  })

  it('reports everything at once, in the order of lines', () => {
    const found = problems(good.replace('5000', '-1').replace('P30D', 'x').replace('PT5S', 'y'))
    expect(found.map(({ line }) => line)).toEqual([9, 10, 18])
  })

  it('takes a system that holds nothing of a person, of a kind nobody knows', () => {
    const map = parsed(
      `${good}  paper:\n    kind: archive-box\n    notApplicable: invoices are printed without names\n`,
    )
    expect(map.systems.paper).toMatchObject({
      notApplicable: 'invoices are printed without names',
      body: null,
    })
  })

  it('answers every text with a map or with problems that have a line of that text', {
    timeout: 60_000,
  }, () => {
    const lines = good.split('\n')
    const mutation = fc.tuple(fc.nat(lines.length - 1), fc.oneof(fc.string(), fc.constantFrom(...lines)))
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 4 }), (mutations) => {
        const copy = [...lines]
        for (const [at, line] of mutations) copy[at] = line
        const result = parseDataMap(copy.join('\n'), kinds)
        if (result.ok) return
        expect(result.problems.length).toBeGreaterThan(0)
        for (const { line, message } of result.problems) {
          expect(line).toBeGreaterThanOrEqual(1)
          expect(line).toBeLessThanOrEqual(copy.join('\n').split(/\r?\n|\r/).length)
          expect(message).not.toBe('')
        }
      }),
      { numRuns: 500 },
    )
  })
})
