import { parseDataMap } from '@lethe/data-map'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { elasticsearchKind } from './grammar.js'
import { indexNameOf, indexOf, isAmbiguous, tenantOf } from './index-name.js'

const map = (section: string, tenant = '{ column: tenant_id }') => `version: 1
tenant: ${tenant}
identifiers: { canonical: user_id, alias: [email] }
systems:
  search:
    kind: elasticsearch
    ${section}
`
function problems(section: string, tenant?: string): string[] {
  const parsed = parseDataMap(map(section, tenant), { elasticsearch: elasticsearchKind })
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`)
}
const one = (fields: string) => `indices: [{ ${fields} }]`

describe('the grammar of an elasticsearch section', () => {
  it.each([
    one("name: '{tenant}_users', by: user_id, routing: user_id, method: delete"),
    one(
      'name: users, by: owner.id, method: delete, category: direct, basis: contract, createdAt: created_at',
    ),
    one("name: users, by: user_id, method: redact, set: { user_id: null, address: '[erased]' }"),
    one('name: users, by: email, identifier: email, method: redact, set: { email: { random: email } }'),
    one("name: teams, by: members.id, method: redact, pull: members, set: { title: '[erased]' }"),
    one(
      "name: orders, by: user_id, method: retain, retain: { ground: '17(3)(b)', citation: tax law, until: P7Y from created.at }",
    ),
    `flavour: opensearch\n    ${one('name: users, by: user_id, method: delete')}`,
  ])('takes %s', (section) => {
    expect(problems(section)).toEqual([])
  })

  it.each([
    [one("name: 'users*', by: user_id, method: delete"), 'without *'],
    [one("name: 'a,b', by: user_id, method: delete"), 'without *'],
    [one("name: 'users_{user_id}', by: user_id, method: delete"), 'only {tenant} may stand'],
    [one("name: '{tenant}_{tenant}', by: user_id, method: delete"), 'stands twice'],
    [one("name: '{tenant}', by: user_id, method: delete"), 'beside {tenant}'],
    [one('name: Users, by: user_id, method: delete'), 'small letters'],
    [one('name: "-users", by: user_id, method: delete'), 'starts with a letter'],
    [one('name: _all, by: user_id, method: delete'), 'starts with a letter'],
    [one('name: lethe-receipts, by: user_id, method: delete'), "Lethe's own"],
    [one("name: users, by: 'user_*', method: delete"), 'without wildcards'],
    [one('name: users, by: user_id, method: forget'), 'delete, redact or retain'],
    [one('name: users, by: user_id, method: redact'), 'redact needs set:'],
    [one('name: users, by: user_id, method: redact, set: { name: null }'), 'still leads to the person'],
    [one('name: users, by: a.b, method: redact, set: { a.b: null, a: null }'), 'as a whole'],
    [one('name: users, by: user_id, method: delete, set: { user_id: null }'), 'belongs to method: redact'],
    [one('name: users, by: email, method: delete'), 'identifier: email'],
    [one('name: t, by: members, method: delete, pull: members'), 'pull: belongs to method: redact'],
    [one('name: t, by: members, method: redact, pull: others'), 'name the list that "members" stands in'],
    [one('name: t, by: m.id, method: redact, pull: m, set: { m.id: null }'), 'is pulled'],
    [one('name: o, by: user_id, method: retain'), 'name ground and citation'],
    [one('name: o, by: user_id, method: retain, retain: { ground: a }'), 'cite the law'],
    [
      one('name: o, by: user_id, method: retain, retain: { ground: a, citation: b, until: P7Y }'),
      'a time from a field',
    ],
    [
      one('name: o, by: user_id, method: retain, retain: { ground: a, citation: b, until: 2031-13-31 }'),
      'a date that there is',
    ],
    [
      one('name: o, by: user_id, method: redact, set: { user_id: null }, retain: { ground: a, citation: b }'),
      'kept whole',
    ],
    [one('name: users, by: user_id, method: delete, size: 1'), 'size'],
    ['indices: []', 'at least one index'],
    [
      'indices: [{ name: u, by: user_id, method: delete }, { name: u, by: user_id, method: delete }]',
      'listed twice',
    ],
  ])('refuses %s', (section, says) => {
    expect(problems(section)).toContainEqual(expect.stringContaining(says))
  })

  it('refuses a tenant placeholder in a map without tenants', () => {
    const section = one("name: '{tenant}_users', by: user_id, method: delete")
    expect(problems(section, '{ none: true }')).toEqual([expect.stringContaining('remove {tenant}')])
  })
})

describe('an index name', () => {
  const users = indexNameOf('{tenant}_users')
  const old = indexNameOf('{tenant}_old_users')

  it('holds a tenant only if that can mean nothing else', () => {
    expect(indexOf(users, 'acme')).toBe('acme_users')
    for (const tenant of [
      '*',
      'ac*',
      'ACME',
      '',
      ' ',
      '-x',
      '_all',
      'a,b',
      'a/b',
      '<a>',
      '../x',
      'a b',
      'é',
      'lethe-x',
    ])
      expect(indexOf(users, tenant)).toBeNull()
  })

  it('gives the tenant back', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,30}$/), (tenant) => {
        const index = indexOf(users, tenant)
        if (index !== null) expect(tenantOf(users, index)).toBe(tenant)
      }),
    )
  })

  it('is refused for a tenant whose index could be that of a shorter one', () => {
    expect(isAmbiguous([users, old], 'acme_old')).toBe(true)
    expect(isAmbiguous([users, old], 'acme')).toBe(false)
    expect(isAmbiguous([users], 'acme_old')).toBe(false)
  })
})
