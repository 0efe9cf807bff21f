import { afterEach, expect, test } from 'vitest'
import { postgres } from './connector.js'
import { contextOf, type FreshDatabase, freshDatabase, hostIo, passFor } from './fresh-database.spec.js'

let database: FreshDatabase
afterEach(() => database?.close())

/** One of everything that needs a right: delete, redact, detach, reassign, mask, via, guard, keys from outside. */
const SCHEMA = `
  CREATE SCHEMA crm;
  CREATE TABLE users (tenant_id text, id int PRIMARY KEY, email text);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users, tenant_id text, street text, note text, extra jsonb);
  CREATE TABLE lines (order_id int REFERENCES orders, text text);
  CREATE TABLE customer (tenant_id text, id serial, name text NOT NULL, PRIMARY KEY (tenant_id, id));
  CREATE TABLE invoice (tenant_id text, id int PRIMARY KEY, customer_id int NOT NULL, FOREIGN KEY (tenant_id, customer_id) REFERENCES customer);
  CREATE TABLE teams (id int PRIMARY KEY, lead int);
  CREATE TABLE files (tenant_id text, id int PRIMARY KEY, owner_id int, team int REFERENCES teams);
  CREATE TABLE crm.leads (user_id int REFERENCES users);
  CREATE TABLE outside (user_id int REFERENCES users ON DELETE CASCADE);
  CREATE TABLE bills (tenant_id text, id int PRIMARY KEY, user_id int, at date);
  CREATE TABLE unrelated (secret text);
  INSERT INTO users VALUES ('acme', 1, 'a@x'), ('acme', 2, 'b@x');
  INSERT INTO orders (user_id, tenant_id, street, note, extra) VALUES (1, 'acme', 's', 'hi @2', '{"ip": 1}'), (2, 'acme', 's', 'hi @1', NULL);
  INSERT INTO lines SELECT id, 'x' FROM orders;
  INSERT INTO customer (tenant_id, id, name) VALUES ('acme', 1, 'Ada'), ('acme', 2, 'Bob');
  INSERT INTO invoice VALUES ('acme', 1, 1), ('acme', 2, 2);
  INSERT INTO teams VALUES (1, 9), (2, NULL);
  INSERT INTO files VALUES ('acme', 1, 1, 1), ('acme', 2, 1, 2), ('acme', 3, 2, 1), ('acme', 4, 2, 2);
  INSERT INTO bills VALUES ('acme', 1, 1, now()), ('acme', 2, 2, now());
  INSERT INTO crm.leads VALUES (1), (2);`

const elements = [
  { table: 'users', by: 'id', method: 'delete' },
  {
    table: 'orders',
    by: 'user_id',
    method: 'redact',
    set: { user_id: null, street: null },
    json: { extra: ['ip'] },
    mentions: { column: 'note', as: '@deleted' },
  },
  { table: 'lines', by: 'user_id', via: 'orders', method: 'redact', set: { text: null } },
  { table: 'customer', by: 'id', method: 'delete' },
  { table: 'invoice', by: 'customer_id', method: 'detach', to: 'deleted-row' },
  { table: 'files', by: 'owner_id', method: 'reassign', to: 'teams.lead', when: 'shared', else: 'delete' },
  { table: 'crm.leads', by: 'user_id', method: 'delete' },
  {
    table: 'bills',
    by: 'user_id',
    method: 'redact',
    set: { user_id: null },
    retain: { ground: '17(3)(b)', citation: 'tax law', until: 'P7Y from at' },
  },
]
const options = {
  tenant: { column: 'tenant_id' },
  resolves: { user_id: 'users.id', email: 'users.email' },
} as const

async function erase(person: string): Promise<string> {
  try {
    const session = await postgres.open(contextOf(database, elements, options))
    try {
      await session.receipts?.prune(new Date(0))
      const [outcome] = await session.erase([passFor(person)], hostIo())
      return outcome?.errorCode ?? outcome?.outcome ?? 'nothing'
    } finally {
      await session.close()
    }
  } catch (error) {
    return (error as { code: string }).code
  }
}

async function probe(person: string): Promise<string> {
  try {
    const session = await postgres.openProbe(contextOf(database, elements, options, 'probe'))
    const [finding] = await session.probe([passFor(person).subject]).finally(() => session.close())
    return finding?.reasonCode ?? finding?.result ?? 'nothing'
  } catch (error) {
    return (error as { code: string }).code
  }
}

const named = (statement: string) =>
  statement
    .replace(/ TO eraser;.*/, ` TO ${database.eraser}`)
    .replace(/ TO probe;.*/, ` TO ${database.prober}`)

test('the grants that map check prints are enough for both roles, and none can be spared', async () => {
  database = await freshDatabase(SCHEMA)
  const description = await postgres.check?.(
    contextOf(database, elements, { ...options, url: database.url('owner') }),
    'probe',
  )
  const { erase: erasing = [], probe: probing = [] } = description?.grants ?? {}
  const { owner, eraser, prober } = database
  await owner.query(`REVOKE ALL ON ALL TABLES IN SCHEMA public, lethe, crm FROM ${eraser}, ${prober};
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM ${eraser};
    REVOKE ALL ON SCHEMA public, lethe, crm FROM PUBLIC, ${eraser}, ${prober};`)
  expect(await erase('1')).not.toBe('retained')
  for (const statement of [...erasing, ...probing]) await owner.query(named(statement))

  const spared: string[] = []
  for (const statement of erasing) {
    const [, rights = '', object = ''] = /^GRANT (.*) (ON .*) TO eraser;/.exec(statement) ?? []
    for (const right of rights.split(/, (?![^(]*\))/)) {
      const columns = /^UPDATE \((.*)\)$/.exec(right)?.[1]?.split(', ') ?? [null]
      for (const column of columns) {
        const one = column === null ? right : `UPDATE (${column})`
        await owner.query(`REVOKE ${one} ${object} FROM ${eraser}`)
        const end = await erase('1')
        if (end === 'retained') spared.push(`${one} ${object}`)
        await owner.query(named(statement))
      }
    }
  }
  expect(spared).toEqual([])
  expect(await erase('1')).toBe('retained')
  expect(await probe('1')).toBe('clean')
  expect(await probe('2')).toBe('residual')
  expect(
    (await owner.query(`SELECT has_table_privilege($1, 'unrelated', 'SELECT') AS may`, [eraser])).rows,
  ).toEqual([{ may: false }])
})

test('an eraser that lacks a right is told so when it starts, and a probe that has too many', async () => {
  database = await freshDatabase(SCHEMA)
  await database.owner.query(`GRANT USAGE ON SCHEMA crm TO ${database.eraser}; GRANT SELECT, DELETE ON crm.leads TO ${database.eraser};
    REVOKE UPDATE ON orders FROM ${database.eraser}; GRANT UPDATE (street, note) ON orders TO ${database.eraser};
    REVOKE INSERT ON customer FROM ${database.eraser}; GRANT UPDATE ON unrelated TO ${database.prober};
    GRANT USAGE ON SCHEMA crm TO ${database.prober}; GRANT SELECT ON crm.leads TO ${database.prober};`)
  const session = await postgres.open(contextOf(database, elements, options))
  const { findings } = await session.describe('erase').finally(() => session.close())
  const rights = findings.filter(({ code }) => code === 'missing_rights')
  expect(rights.map(({ where, message }) => `${where}: ${message}`)).toEqual([
    "public.orders: The eraser's role lacks UPDATE (extra), UPDATE (user_id) here.",
    "public.customer: The eraser's role lacks INSERT here.",
  ])
  const seen = await postgres.check?.(contextOf(database, elements, options, 'probe'), 'probe')
  expect(seen?.findings).toContainEqual(
    expect.objectContaining({ level: 'warning', code: 'probe_can_write', where: 'public.unrelated' }),
  )
})
