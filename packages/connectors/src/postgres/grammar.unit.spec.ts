import { describe, expect, test } from 'vitest'
import { postgresIdentifiers, postgresSystem } from './grammar.js'

const refused = (element: unknown) => {
  const result = postgresSystem.safeParse({ elements: [element] })
  return result.success
    ? null
    : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n')
}

describe('the grammar of a postgres section', () => {
  test('takes the elements of the reference data map, and its own output again', () => {
    const system = postgresSystem.parse({
      resolves: { user_id: 'users.id', email: 'users.email', 'vendor:stripe': 'users.stripe_customer_id' },
      elements: [
        {
          table: 'users',
          by: 'id',
          method: 'delete',
          category: 'direct',
          basis: 'contract',
          createdAt: 'created_at',
        },
        {
          table: 'orders',
          by: 'user_id',
          method: 'redact',
          set: { user_id: null, shipping_address: '[erased]', customer_email: { random: 'email' } },
          retain: { ground: '17(3)(b)', citation: 'tax law, 7 years', until: 'P7Y from created_at' },
        },
        { table: 'invoice', by: 'customer_id', method: 'detach', to: 'deleted-row' },
        {
          table: 'comments',
          by: 'user_id',
          method: 'redact',
          set: { user_id: null },
          mentions: { column: 'body', as: '@deleted' },
        },
        {
          table: 'events',
          by: 'user_id',
          method: 'redact',
          json: { properties: ['email', 'ip_address', 'device.id'] },
        },
        {
          table: 'files',
          by: 'owner_id',
          method: 'reassign',
          to: 'workspace_owner',
          when: 'shared',
          else: 'delete',
        },
        { table: 'crm.leads', by: 'email', identifier: 'email', method: 'delete' },
      ],
    })
    expect(postgresSystem.parse(JSON.parse(JSON.stringify(system)))).toEqual(system)
    expect(postgresIdentifiers(system, 'user_id')).toEqual(['email', 'user_id', 'vendor:stripe'])
  })

  test.each([
    [{ table: 'users', by: 'id', method: 'hash' }, /method/],
    [{ table: 'users', by: 'id', method: 'delete', sett: {} }, /sett/],
    [{ table: 'a.b.c', by: 'id', method: 'delete' }, /table/],
    [{ table: 'users', by: 'email', method: 'delete' }, /identifier: email/],
    [{ table: 'users', by: 'id', method: 'redact' }, /redact needs/],
    [{ table: 'users', by: 'id', method: 'delete', set: { name: null } }, /belong to method: redact/],
    [{ table: 'f', by: 'o', method: 'detach', to: 'deleted-row', set: { o: null } }, /leave it out/],
    [{ table: 'f', by: 'o', method: 'delete', else: 'delete' }, /belongs to method: reassign/],
    [{ table: 'f', by: 'o', method: 'reassign', to: 'x', when: 'shared' }, /else: delete/],
    [{ table: 'f', by: 'o', method: 'reassign', to: 'x', sharedIn: 's.u' }, /when: shared/],
    [
      { table: 'f', by: 'o', method: 'reassign', to: 'the workspace owner' },
      /new owner as a column|table.column/,
    ],
    [
      { table: 'users', by: 'id', method: 'redact', set: { name: { hash: 'sha256' } } },
      /hash is not a replacement/,
    ],
    [{ table: 'users', by: 'id', method: 'detach' }, /deleted-row/],
    [{ table: 'users', by: 'id', method: 'retain' }, /ground and citation/],
    [
      {
        table: 'users',
        by: 'id',
        method: 'retain',
        retain: { ground: 'g', citation: 'c', until: 'seven years' },
      },
      /P7Y/,
    ],
    [
      {
        table: 'users',
        by: 'id',
        method: 'retain',
        retain: { ground: 'g', citation: 'c', until: 'P from at' },
      },
      /P7Y/,
    ],
    [{ table: 'users', by: 'id', method: 'redact', json: { data: ['items[*].mail'] } }, /without wildcards/],
    [{ table: 'users', by: 'id', identifier: 'nickname', method: 'delete' }, /vendor:<name>/],
  ])('refuses %j and says why', (element, reason) => {
    expect(refused(element)).toMatch(reason)
  })
})
