import type { ProbeFinding } from '@lethe/eraser-kit'
import { afterEach, describe, expect, test } from 'vitest'
import { postgres } from './connector.js'
import {
  contextOf,
  type FreshDatabase,
  freshDatabase,
  hostIo,
  openOn,
  passFor,
} from './fresh-database.spec.js'

let database: FreshDatabase
afterEach(() => database?.close())

type Change = Parameters<typeof contextOf>[2]

async function probe(
  elements: unknown[],
  person: Record<string, string> | string,
  change: Change = {},
): Promise<ProbeFinding> {
  const session = await postgres.openProbe(contextOf(database, elements, change, 'probe'))
  try {
    const [finding] = await session.probe([passFor(person).subject])
    return finding as ProbeFinding
  } finally {
    await session.close()
  }
}

const USERS = [{ table: 'users', by: 'id', method: 'delete' }]

describe('the probe looks where the map does not', () => {
  test('a table missing from the map ends in residual, by key, name or e-mail', async () => {
    database = await freshDatabase(`
      CREATE TABLE users (id int PRIMARY KEY, email text);
      CREATE TABLE wishlists (id int PRIMARY KEY, owner int REFERENCES users); CREATE TABLE carts (id int, user_id bigint);
      CREATE TABLE tickets (id int, requester_email varchar(90)); CREATE SCHEMA crm; CREATE TABLE crm.leads (email text);
      CREATE MATERIALIZED VIEW carts_copy AS SELECT * FROM carts;
      INSERT INTO users VALUES (1, 'a@x.test'), (2, 'b@x.test'); INSERT INTO wishlists VALUES (1, 1); INSERT INTO carts VALUES (1, 1), (2, 2);
      INSERT INTO tickets VALUES (1, 'A@x.test'); INSERT INTO crm.leads VALUES ('a@x.test'); REFRESH MATERIALIZED VIEW carts_copy;`)
    await database.owner.query(
      `GRANT USAGE ON SCHEMA crm TO ${database.prober}; GRANT SELECT ON crm.leads TO ${database.prober}`,
    )
    const finding = await probe(USERS, { user_id: '1', email: 'a@x.test' })
    expect(finding).toMatchObject({
      result: 'residual',
      residual: {
        users: 1,
        'public.wishlists': 1,
        'public.carts': 1,
        'public.carts_copy': 1,
        'public.tickets': 1,
        'crm.leads': 1,
      },
    })
    expect(finding.position).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
  })

  test('counts are zero where nothing is, and the answer is clean', async () => {
    database = await freshDatabase(
      'CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE carts (user_id int); INSERT INTO users VALUES (12);',
    )
    expect(await probe(USERS, '1')).toMatchObject({
      result: 'clean',
      residual: { users: 0, 'public.carts': 0 },
    })
  })

  test('a table it may not read is inconclusive, never clean', async () => {
    database = await freshDatabase(
      'CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE carts (user_id int);',
    )
    await database.owner.query(`REVOKE SELECT ON carts FROM ${database.prober}`)
    expect(await probe(USERS, '1')).toMatchObject({ result: 'inconclusive', reasonCode: 'unreadable_table' })
  })

  test('a number that means something else, and a column the map ignores, are no residue', async () => {
    database = await freshDatabase(`
      CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE staff (id int PRIMARY KEY);
      CREATE TABLE shifts (user_id int REFERENCES staff, account_id int, customer_id int);
      INSERT INTO staff VALUES (1); INSERT INTO shifts VALUES (1, 1, 1);`)
    expect((await probe(USERS, '1')).residual).toEqual({ users: 0, 'public.shifts': 1 })
    expect(await probe(USERS, '1', { ignore: ['shifts.customer_id'] })).toMatchObject({ result: 'clean' })
  })

  test('retained rows are left out until their time is over, overwritten columns are not', async () => {
    database = await freshDatabase(`
      CREATE TABLE orders (id int, user_id int, email text, at date); INSERT INTO orders VALUES (1, 1, 'a@x', '2026-01-01'), (2, 2, 'b@x', '2001-01-01');`)
    const retain = { ground: 'g', citation: 'c', until: 'P7Y from at' }
    const elements = [
      { table: 'orders', by: 'user_id', method: 'redact', set: { email: { random: 'email' } }, retain },
    ]
    expect((await probe(elements, { user_id: '1' })).result).toBe('clean')
    expect((await probe(elements, { user_id: '1', email: 'a@x' })).result).toBe('residual')
    expect(
      (await probe([{ ...elements[0], set: undefined, method: 'retain' }], { user_id: '2' })).result,
    ).toBe('residual')
  })

  test('who signed up again with the same e-mail is not the person of the old request', async () => {
    database = await freshDatabase(
      `CREATE TABLE users (id int, email text, at timestamptz); INSERT INTO users VALUES (9, 'a@x', '2999-01-01');`,
    )
    const users = [{ table: 'users', by: 'id', method: 'delete', createdAt: 'at' }]
    expect((await probe(users, { user_id: '1', email: 'a@x' })).result).toBe('clean')
  })

  test("a mention left in somebody else's text is residue, a longer handle is not", async () => {
    database = await freshDatabase(`
      CREATE TABLE notes (id int, user_id text, body text); INSERT INTO notes VALUES (1, 'kim', 'hi @ada!'), (2, 'kim', '@adam @ada.b x@ada');`)
    const element = {
      table: 'notes',
      by: 'user_id',
      method: 'redact',
      set: { user_id: null },
      mentions: { column: 'body', as: '@deleted' },
    }
    expect(await probe([element], 'ada')).toMatchObject({ result: 'residual', residual: { notes: 1 } })
    expect((await probe([element], 'bob')).result).toBe('clean')
  })

  test('a tenant twin is no residue', async () => {
    database = await freshDatabase(
      `CREATE TABLE users (tenant_id text, id text); INSERT INTO users VALUES ('other', 'u1');`,
    )
    expect((await probe(USERS, 'u1', { tenant: { column: 'tenant_id' } })).result).toBe('clean')
  })
})

describe('resolve, preview and describe', () => {
  const SHOP = `
    CREATE TABLE users (id int PRIMARY KEY, email text, tenant_id text, phone text);
    CREATE TABLE billing (user_id int REFERENCES users, stripe text, tenant_id text);
    INSERT INTO users VALUES (1, 'A@x.test', 'acme', '+491'), (2, 'b@x.test', 'acme', NULL), (3, 'a@x.test', 'other', NULL);
    INSERT INTO billing VALUES (1, 'cus_1', 'acme'), (1, 'cus_1b', 'acme');`
  const elements = [
    { table: 'users', by: 'id', method: 'delete' },
    { table: 'billing', by: 'user_id', method: 'delete' },
  ]
  const resolves = {
    user_id: 'users.id',
    email: 'users.email',
    phone: 'users.phone',
    'vendor:stripe': 'billing.stripe',
  }
  const change = { tenant: { column: 'tenant_id' }, resolves } as const

  test('each identifier leads to all others of its person, inside the tenant only', async () => {
    database = await freshDatabase(SHOP)
    const session = await openOn(database, elements, change)
    const given: Record<string, string>[] = [
      { email: 'a@x.test' },
      { 'vendor:stripe': 'cus_1' },
      { user_id: '2' },
      { user_id: '3' },
    ]
    const known = given.map((ids) => passFor(ids).subject)
    const found = await session.resolve?.(known)
    const one = expect.arrayContaining([
      { type: 'user_id', value: '1' },
      { type: 'email', value: 'a@x.test' },
      { type: 'phone', value: '+491' },
      { type: 'vendor:stripe', value: 'cus_1' },
    ])
    expect(found?.[0]).toEqual([one])
    expect(found?.[1]).toEqual([one])
    expect(found?.[0]?.[0]).toContainEqual({ type: 'vendor:stripe', value: 'cus_1b' })
    expect(found?.slice(2)).toEqual([
      [
        [
          { type: 'user_id', value: '2' },
          { type: 'email', value: 'b@x.test' },
        ],
      ],
      [],
    ])
    await session.close()
  })

  test('identifiers of two people lead to two people', async () => {
    database = await freshDatabase(SHOP)
    const session = await openOn(database, elements, change)
    const [found] = (await session.resolve?.([passFor({ user_id: '2', email: 'a@x.test' }).subject])) ?? []
    expect(found).toHaveLength(2)
    await session.close()
  })

  test('preview and resolve work with the read-only role', async () => {
    database = await freshDatabase(SHOP)
    const session = await openOn(database, elements, { ...change, url: database.url('probe') })
    expect((await session.preview([passFor('1').subject]))[0]).toMatchObject({
      users: { found: 1 },
      billing: { found: 2 },
    })
    await expect(session.erase([passFor('1')], hostIo())).rejects.toMatchObject({ errorClass: 'terminal' })
    await session.close()
  })

  test('describe names the constraint of an unmapped table, impossible replacements and missing indices', async () => {
    database = await freshDatabase(`
      CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE notes (user_id int CONSTRAINT notes_owner REFERENCES users);
      CREATE TABLE orders (user_id int NOT NULL, mail text UNIQUE, phone text); INSERT INTO orders SELECT g, g::text FROM generate_series(1, 20000) g;
      ANALYZE orders;`)
    const session = await openOn(database, [
      ...USERS,
      { table: 'orders', by: 'user_id', method: 'redact', set: { user_id: null, mail: '[erased]' } },
    ])
    const { findings, collections } = await session.describe()
    const seen = findings.map(({ code, where }) => `${code} ${where}`)
    expect(seen).toEqual(
      expect.arrayContaining([
        'referencing_unmapped public.notes',
        'replacement_null orders.user_id',
        'replacement_not_unique orders.mail',
        'missing_index orders.user_id',
        'personal_unmapped public.orders.phone',
      ]),
    )
    expect(findings[0]?.message).toContain('notes_owner')
    expect(collections).toContainEqual({ name: 'public.notes', fields: ['user_id'] })
    await session.close()
  })
})
