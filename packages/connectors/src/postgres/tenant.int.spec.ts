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

const TENANT = { tenant: { column: 'tenant_id' } } as const

describe("a tenant never reaches another tenant's rows", () => {
  test('a table without the column belongs to the tenant its foreign key leads to', async () => {
    database = await freshDatabase(`
      CREATE TABLE users (id int PRIMARY KEY, tenant_id text); CREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users);
      INSERT INTO users VALUES (1, 'a'), (2, 'b'); INSERT INTO notes VALUES (1, 1), (2, 2);`)
    const elements = [
      { table: 'users', by: 'id', method: 'delete' },
      { table: 'notes', by: 'user_id', method: 'delete' },
    ]
    const session = await openOn(database, elements, TENANT)
    const outcomes = await session.erase(
      [passFor('1', { tenantId: 'b' }), passFor('2', { tenantId: 'b' })],
      hostIo(),
    )
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['not_found', 'erased'])
    expect((await database.owner.query('SELECT id FROM notes')).rows).toEqual([{ id: 1 }])
    await session.close()
  })

  test("without a foreign key the resolver's unique column decides", async () => {
    database = await freshDatabase(`
      CREATE TABLE users (id text PRIMARY KEY, tenant_id text); CREATE TABLE notes (id int PRIMARY KEY, user_id text);
      INSERT INTO users VALUES ('u1', 'a'), ('u2', 'b'); INSERT INTO notes VALUES (1, 'u1'), (2, 'u2');`)
    const session = await openOn(
      database,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'notes', by: 'user_id', method: 'delete' },
      ],
      { ...TENANT, resolves: { user_id: 'users.id' } },
    )
    const outcomes = await session.erase(
      [passFor('u1', { tenantId: 'b' }), passFor('u2', { tenantId: 'b' })],
      hostIo(),
    )
    expect(outcomes.map(({ outcome, counts }) => [outcome, counts.notes?.erased])).toEqual([
      ['not_found', 0],
      ['erased', 1],
    ])
    await session.close()
  })

  test('a table whose tenant can not be proven is refused when opening', async () => {
    database = await freshDatabase(`
      CREATE TABLE users (id text, tenant_id text, PRIMARY KEY (tenant_id, id)); CREATE TABLE notes (id int PRIMARY KEY, user_id text);`)
    const elements = [
      { table: 'users', by: 'id', method: 'delete' },
      { table: 'notes', by: 'user_id', method: 'delete' },
    ]
    await expect(
      openOn(database, elements, { ...TENANT, resolves: { user_id: 'users.id' } }),
    ).rejects.toMatchObject({
      code: 'tenant_unprovable',
      errorClass: 'terminal',
    })
  })

  test("a store of one tenant refuses another tenant's request", async () => {
    database = await freshDatabase('CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);')
    const session = await openOn(database, [{ table: 'users', by: 'id', method: 'delete' }], {
      tenant: { constant: 'shop' },
    })
    const outcomes = await session.erase(
      [passFor('1', { tenantId: 'other' }), passFor('1', { tenantId: 'shop' })],
      hostIo(),
    )
    expect(outcomes.map(({ outcome, errorCode }) => errorCode ?? outcome)).toEqual([
      'unknown_tenant',
      'erased',
    ])
    await session.close()
  })
})

describe('what can not be seen completely is refused', () => {
  const users = [{ table: 'users', by: 'id', method: 'delete' }]

  test('row-level security, by eraser and probe alike', async () => {
    database = await freshDatabase(`
      CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1); ALTER TABLE users ENABLE ROW LEVEL SECURITY;`)
    await expect(openOn(database, users)).rejects.toMatchObject({
      code: 'rls_active',
      errorClass: 'terminal',
    })
    await expect(postgres.openProbe(contextOf(database, users, {}, 'probe'))).rejects.toMatchObject({
      code: 'rls_active',
    })
    await database.owner.query(`ALTER ROLE ${database.eraser} BYPASSRLS`)
    const session = await openOn(database, users)
    expect((await session.erase([passFor('1')], hostIo()))[0]?.outcome).toBe('erased')
    await session.close()
  })

  test('row-level security switched on while the session is open', async () => {
    database = await freshDatabase('CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);')
    const session = await openOn(database, users)
    const probe = await postgres.openProbe(contextOf(database, users, {}, 'probe'))
    await database.owner.query('ALTER TABLE users ENABLE ROW LEVEL SECURITY')
    await expect(session.erase([passFor('1')], hostIo())).rejects.toMatchObject({ code: 'rls_active' })
    expect(await probe.probe([passFor('1').subject])).toMatchObject([
      { result: 'inconclusive', reasonCode: 'rls_active' },
    ])
    await session.close()
    await probe.close()
  })

  test.each([
    ['a view', 'CREATE TABLE t (id int); CREATE VIEW users AS SELECT id FROM t', 'not_a_table'],
    [
      'a partition',
      'CREATE TABLE t (id int) PARTITION BY LIST (id); CREATE TABLE users PARTITION OF t DEFAULT',
      'partition_mapped',
    ],
    ['a missing table', '', 'missing_table'],
    ['a missing column', 'CREATE TABLE users (name int)', 'missing_column'],
    ['a column nobody is found by', 'CREATE TABLE users (id jsonb)', 'unsupported_column'],
  ])('%s', async (_name, schema, code) => {
    database = await freshDatabase(schema)
    await expect(openOn(database, users)).rejects.toMatchObject({ code, errorClass: 'terminal' })
  })

  test('missing rights, with a code', async () => {
    database = await freshDatabase('CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1);')
    await database.owner.query(`REVOKE DELETE ON users FROM ${database.eraser}`)
    const session = await openOn(database, users)
    await expect(session.erase([passFor('1')], hostIo())).rejects.toMatchObject({
      code: 'missing_rights',
      errorClass: 'terminal',
    })
    await session.close()
    await database.owner.query(`REVOKE SELECT ON users FROM ${database.eraser}`)
    await expect(openOn(database, users)).rejects.toMatchObject({ code: 'missing_rights' })
  })

  test('nothing but what the README grants is needed', async () => {
    database = await freshDatabase(`
      CREATE TABLE users (id int PRIMARY KEY, email text, name text NOT NULL); CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
      CREATE TABLE notes (user_id int REFERENCES users, body text); CREATE TABLE other (user_id int REFERENCES users);
      INSERT INTO users VALUES (1, 'a@x', 'Ada'); INSERT INTO orders VALUES (1, 1); INSERT INTO notes VALUES (1, 'x');`)
    const { eraser } = database
    await database.owner.query(`
      REVOKE ALL ON ALL TABLES IN SCHEMA public, lethe FROM ${eraser};
      GRANT SELECT, DELETE, INSERT ON users TO ${eraser}; GRANT SELECT, UPDATE (user_id) ON orders TO ${eraser};
      GRANT SELECT, UPDATE (user_id, body) ON notes TO ${eraser}; GRANT SELECT ON other TO ${eraser};
      GRANT SELECT, INSERT, DELETE ON lethe.receipts TO ${eraser};
      GRANT SELECT, INSERT, UPDATE ON lethe.marker, lethe.shared_rows TO ${eraser};`)
    const session = await openOn(database, [
      ...users,
      { table: 'orders', by: 'user_id', method: 'detach', to: 'deleted-row' },
      { table: 'notes', by: 'user_id', method: 'redact', set: { user_id: null, body: '' } },
    ])
    expect((await session.erase([passFor('1')], hostIo()))[0]).toMatchObject({ outcome: 'erased' })
    expect(await session.receipts?.prune(new Date(Date.now() + 60_000))).toBe(1)
    await session.close()
  })
})
