import { afterEach, describe, expect, test } from 'vitest'
import { Checking, of } from './checking.spec.js'

const shop = new Checking()
afterEach(() => shop.close())

describe('the shared row of detach', () => {
  const detach = (row?: object) => [
    { table: 'c', by: 'id', method: 'delete' },
    { table: 'r', by: 'user_id', method: 'detach', to: 'deleted-row', ...(row ? { row } : {}) },
  ]
  const parent = (
    columns: string,
  ) => `CREATE TABLE land (code text PRIMARY KEY); INSERT INTO land VALUES ('de');
    CREATE TABLE c (id int PRIMARY KEY${columns}); INSERT INTO c SELECT generate_series(1, 3);
    CREATE TABLE r (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES c); INSERT INTO r (user_id) SELECT id FROM c;`

  test.each([
    [", land text NOT NULL DEFAULT 'de' REFERENCES land", undefined, null],
    [", n text NOT NULL DEFAULT 'x' CHECK (n <> 'bad')", { n: 'bad' }, 'CHECK c_n_check'],
    [', n int NOT NULL DEFAULT 1', { n: 'none' }, 'is no integer'],
    [", n varchar(3) NOT NULL DEFAULT 'x'", { n: 'long' }, 'is no character varying(3)'],
    [", land text DEFAULT 'de' REFERENCES land", { land: 'xx' }, 'Foreign key c_land_fkey'],
    [", n text NOT NULL DEFAULT 'x', CHECK (id > 0)", undefined, 'CHECK c_id_check'],
  ])('is proven as well: %s with %j', async (columns, row, says) => {
    const findings = await shop.check(parent(columns), detach(row))
    const errors = findings.filter(({ level }) => level === 'error')
    expect(errors.map(({ code }) => code)).toEqual(says ? ['shared_row_impossible'] : [])
    if (says) expect(errors[0]?.message).toContain(says)
    const outcomes = await shop.erase(detach(row))
    if (says) expect(outcomes).not.toContain('erased')
    else expect(outcomes).toEqual(['erased', 'erased', 'erased'])
  })

  test('a column that must have a value, and whose value nobody can know, is named', async () => {
    const schema = `CREATE TABLE land (code text PRIMARY KEY); INSERT INTO land VALUES ('de');
      CREATE TABLE c (id int PRIMARY KEY, land text NOT NULL REFERENCES land); CREATE TABLE r (user_id int NOT NULL REFERENCES c);`
    const findings = await shop.check(schema, detach())
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'shared_row_impossible',
        path: ['elements', 1],
        message: expect.stringContaining('land'),
      }),
    )
    expect(of('error', await shop.check(schema, detach({ land: 'de' })))).toEqual([])
  })

  test('references that must be unique can not all lead to it', async () => {
    const findings = await shop.check(`${parent('')} CREATE UNIQUE INDEX ON r (user_id);`, detach())
    expect(of('error', findings)).toEqual(['replacement_not_unique r.user_id'])
    expect(await shop.erase(detach())).toContain('replacement_not_unique')
  })
})

describe('map and tables', () => {
  test('everything that does not fit is said at once, each with its place', async () => {
    const findings = await shop.check(
      'CREATE TABLE users (id int PRIMARY KEY, at text); CREATE VIEW v AS SELECT * FROM users;',
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'gone', by: 'id', method: 'delete' },
        { table: 'users', by: 'nobody', method: 'delete' },
        { table: 'v', by: 'id', method: 'delete' },
        { table: 'users', by: 'id', method: 'delete', createdAt: 'at' },
      ],
      { resolves: { user_id: 'users.missing' } },
    )
    expect(
      findings.filter(({ level }) => level === 'error').map(({ code, path }) => [code, ...(path ?? [])]),
    ).toEqual([
      ['missing_column', 'resolves', 'user_id'],
      ['missing_table', 'elements', 1],
      ['missing_column', 'elements', 2],
      ['not_a_table', 'elements', 3],
      ['unsupported_column', 'elements', 4],
    ])
  })

  test('an id that holds what another section says none does is an error, and not shown', async () => {
    const check = (ids: string, neverHeld: Record<string, string>) =>
      shop.check(
        `CREATE TABLE users (id text PRIMARY KEY, email text); INSERT INTO users SELECT unnest(ARRAY[${ids}]), 'a:b@x';`,
        [{ table: 'users', by: 'id', method: 'delete' }],
        { resolves: { user_id: 'users.id', email: 'users.email' }, neverHeld },
      )
    const found = await check("'u1', 'u1:canary'", { user_id: ':|' })
    expect(of('error', found)).toEqual(['delimiter_in_ids public.users.id'])
    expect(JSON.stringify(found)).not.toContain('canary')
    expect(of('error', await check("'u1', 'u1.x*%'", { user_id: ':|' }))).toEqual([])
    expect(of('error', await check("'u1', 'u1:x'", {}))).toEqual([])
  })

  test('a table that points to an erased one and is not mapped is an error naming the constraint', async () => {
    const findings = await shop.check(
      `CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE notes (user_id int CONSTRAINT notes_owner REFERENCES users);`,
      [{ table: 'users', by: 'id', method: 'delete' }],
    )
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'error',
        code: 'referencing_unmapped',
        where: 'public.notes',
        message: expect.stringContaining('notes_owner'),
      }),
    )
  })

  test('a table that may hold the person is an error while the probe can not read all of it', async () => {
    const schema = `CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE notes (user_id int CONSTRAINT notes_owner REFERENCES users);
      CREATE TABLE hidden (user_id int); CREATE TABLE weather (at date);`
    const users = [{ table: 'users', by: 'id', method: 'delete' }]
    expect(of('error', await shop.check(schema, users))).toEqual(['referencing_unmapped public.notes'])
    const prober = await shop.revoke('notes', 'weather')
    await shop.owner.query('ALTER TABLE hidden ENABLE ROW LEVEL SECURITY')
    expect(of('error', await shop.again(users)).sort()).toEqual([
      'referencing_unmapped public.notes',
      'rls_active public.hidden',
      'unreadable_table public.notes',
    ])
    const ignore = ['notes.user_id', 'hidden.user_id']
    expect(of('error', await shop.again(users, { ignore }))).toEqual(['referencing_unmapped public.notes'])
    await shop.owner.query(`GRANT SELECT ON notes TO ${prober}; ALTER ROLE ${prober} BYPASSRLS`)
    expect(of('error', await shop.again(users))).toEqual(['referencing_unmapped public.notes'])
  })

  test('columns that look personal are warned of, unless they are mapped or ignored', async () => {
    const findings = await shop.check(
      `CREATE TABLE r (user_id int, billing_city text, phone_no text, sku text, ip inet, description text, shipping_address text);
       CREATE TABLE leads (contact_name text, velocity int, capacity int, city text);`,
      [{ table: 'r', by: 'user_id', method: 'redact', set: { shipping_address: null } }],
      { ignore: ['leads.city'] },
    )
    expect(of('warning', findings)).toEqual([
      'personal_unmapped public.r.billing_city',
      'personal_unmapped public.r.phone_no',
      'personal_unmapped public.r.ip',
      'personal_unmapped public.leads.contact_name',
    ])
  })

  test('missing indices are warned of: behind by:, and behind keys that lead to what is deleted', async () => {
    const findings = await shop.check(
      `CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users SELECT generate_series(1, 20000);
       CREATE TABLE orders (id int PRIMARY KEY, buyer int REFERENCES users); INSERT INTO orders SELECT g, g FROM generate_series(1, 20000) g;
       CREATE TABLE visits (user_id int); INSERT INTO visits SELECT g FROM generate_series(1, 20000) g;
       CREATE TABLE mails (email text); CREATE INDEX ON mails (email); INSERT INTO mails SELECT g || '@x' FROM generate_series(1, 20000) g; ANALYZE;`,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'orders', by: 'user_id', via: 'users', method: 'delete' },
        { table: 'visits', by: 'user_id', method: 'delete' },
        { table: 'mails', by: 'email', identifier: 'email', method: 'delete', createdAt: undefined },
      ].map((element) => (element.table === 'orders' ? { ...element, by: 'id' } : element)),
    )
    expect(of('warning', findings).filter((one) => one.startsWith('missing_index'))).toEqual([
      'missing_index visits.user_id',
      'missing_index mails.email',
      'missing_index public.orders.buyer',
    ])
  })
})
