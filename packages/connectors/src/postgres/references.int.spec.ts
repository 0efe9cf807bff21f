import { afterEach, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, hostIo, openOn, passFor } from './fresh-database.spec.js'

let database: FreshDatabase
afterEach(() => database?.close())

async function erase(schema: string, elements: unknown[], people: readonly string[]) {
  database = await freshDatabase(schema)
  const session = await openOn(database, elements)
  try {
    return await session.erase(
      people.map((person) => passFor(person)),
      hostIo(),
    )
  } finally {
    await session.close()
  }
}

async function left(table: string): Promise<unknown[]> {
  return (await database.owner.query(`SELECT * FROM ${table} ORDER BY 1`)).rows
}

describe('foreign keys decide the order, whatever the map says', () => {
  test('parents listed first still go after their children', async () => {
    const outcomes = await erase(
      `CREATE TABLE users (id int PRIMARY KEY);
       CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users);
       CREATE TABLE lines (id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders);
       INSERT INTO users VALUES (1), (2); INSERT INTO orders VALUES (10, 1), (20, 2); INSERT INTO lines VALUES (100, 10), (101, 10), (200, 20);`,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'orders', by: 'user_id', method: 'delete' },
        { table: 'lines', by: 'user_id', via: 'orders', method: 'delete' },
      ],
      ['1'],
    )
    expect(outcomes[0]).toMatchObject({
      outcome: 'erased',
      counts: { users: { erased: 1 }, orders: { erased: 1 }, lines: { erased: 2, found: 2 } },
    })
    expect([await left('users'), await left('lines')]).toEqual([[{ id: 2 }], [{ id: 200, order_id: 20 }]])
  })

  test('a cycle of NOT NULL keys that can not be deferred goes in one statement', async () => {
    const outcomes = await erase(
      `CREATE TABLE users (id int PRIMARY KEY, main_card int NOT NULL);
       CREATE TABLE cards (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
       INSERT INTO users VALUES (1, 11), (2, 22); INSERT INTO cards VALUES (11, 1), (12, 1), (22, 2);
       ALTER TABLE users ADD FOREIGN KEY (main_card) REFERENCES cards ON DELETE RESTRICT;`,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'cards', by: 'user_id', method: 'delete' },
      ],
      ['1'],
    )
    expect(outcomes[0]?.counts).toMatchObject({ users: { erased: 1 }, cards: { erased: 2 } })
    expect(await left('cards')).toEqual([{ id: 22, user_id: 2 }])
  })

  test('composite keys join on all their columns', async () => {
    const outcomes = await erase(
      `CREATE TABLE users (region text, id text, PRIMARY KEY (region, id));
       CREATE TABLE visits (id int PRIMARY KEY, region text, visitor text, FOREIGN KEY (region, visitor) REFERENCES users);
       CREATE TABLE pages (visit int REFERENCES visits, page text);
       INSERT INTO users VALUES ('eu', 'u1'), ('eu', 'u2'); INSERT INTO visits VALUES (1, 'eu', 'u1'), (2, 'eu', 'u2');
       INSERT INTO pages VALUES (1, '/a'), (2, '/b');`,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'pages', by: 'id', via: 'visits', method: 'delete' },
      ]
        .slice(0, 1)
        .concat([
          { table: 'visits', by: 'visitor', method: 'delete' },
          { table: 'pages', by: 'visitor', via: 'visits', method: 'delete' },
        ] as never),
      ['u1'],
    )
    expect(outcomes[0]).toMatchObject({ outcome: 'erased', counts: { pages: { erased: 1 } } })
    expect(await left('pages')).toEqual([{ visit: 2, page: '/b' }])
  })

  test("a thread of a table that points to itself goes as a whole, other people's answers block it", async () => {
    const outcomes = await erase(
      `CREATE TABLE comments (id int PRIMARY KEY, author int, parent int REFERENCES comments ON DELETE CASCADE);
       INSERT INTO comments VALUES (1, 1, NULL), (2, 1, 1), (3, 2, NULL), (4, 9, 3);`,
      [{ table: 'comments', by: 'author', method: 'delete' }],
      ['1', '2'],
    )
    expect(outcomes.map(({ outcome, errorCode }) => [outcome, errorCode])).toEqual([
      ['erased', undefined],
      ['failed', 'cascade_outside_map'],
    ])
    expect((await left('comments')).length).toBe(2)
  })

  test('people who point to each other in one batch are erased together', async () => {
    const outcomes = await erase(
      `CREATE TABLE comments (id int PRIMARY KEY, author int, parent int REFERENCES comments);
       INSERT INTO comments VALUES (1, 1, NULL), (2, 2, 1), (3, 1, 2);`,
      [{ table: 'comments', by: 'author', method: 'delete' }],
      ['1', '2'],
    )
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['erased', 'erased'])
  })

  test('a reference is cut first where the map says so, and both methods are counted', async () => {
    const outcomes = await erase(
      `CREATE TABLE employee (id int PRIMARY KEY, reports_to int REFERENCES employee);
       INSERT INTO employee VALUES (1, NULL), (2, 1), (3, 1), (4, 2);`,
      [
        { table: 'employee', by: 'id', method: 'delete' },
        { table: 'employee', by: 'reports_to', method: 'redact', set: { reports_to: null } },
      ],
      ['1'],
    )
    expect(outcomes[0]?.counts.employee).toEqual({ found: 3, erased: 1, redacted: 2, retained: 0, failed: 0 })
    expect(await left('employee')).toEqual([
      { id: 2, reports_to: null },
      { id: 3, reports_to: null },
      { id: 4, reports_to: 2 },
    ])
  })

  test.each([
    ['CASCADE', 'cascade_outside_map'],
    ['SET NULL', 'reference_outside_map'],
    ['NO ACTION', 'referenced_elsewhere'],
    ['RESTRICT', 'referenced_elsewhere'],
    ['NO ACTION DEFERRABLE INITIALLY DEFERRED', 'referenced_elsewhere'],
  ])('a table outside the map that points here with ON DELETE %s is never touched', async (rule, code) => {
    const outcomes = await erase(
      `CREATE TABLE users (id int PRIMARY KEY);
       CREATE TABLE notes (id int PRIMARY KEY, user_id int REFERENCES users ON DELETE ${rule});
       INSERT INTO users VALUES (1), (2), (3); INSERT INTO notes VALUES (1, 2);`,
      [{ table: 'users', by: 'id', method: 'delete' }],
      ['1', '2', '3'],
    )
    expect(outcomes.map(({ outcome, errorCode, errorClass }) => [outcome, errorCode, errorClass])).toEqual([
      ['erased', undefined, undefined],
      ['failed', code, 'terminal'],
      ['erased', undefined, undefined],
    ])
    expect([await left('users'), await left('notes')]).toEqual([[{ id: 2 }], [{ id: 1, user_id: 2 }]])
  })

  test('rows of every partition are found and counted', async () => {
    const outcomes = await erase(
      `CREATE TABLE log (id int, user_id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
       CREATE TABLE log_a PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY HASH (id);
       CREATE TABLE log_a0 PARTITION OF log_a FOR VALUES WITH (MODULUS 2, REMAINDER 0);
       CREATE TABLE log_a1 PARTITION OF log_a FOR VALUES WITH (MODULUS 2, REMAINDER 1);
       CREATE TABLE log_b PARTITION OF log DEFAULT;
       INSERT INTO log SELECT g, g % 2, '2020-06-01' FROM generate_series(1, 20) g; INSERT INTO log VALUES (99, 1, '2026-01-01');`,
      [{ table: 'log', by: 'user_id', method: 'delete' }],
      ['1'],
    )
    expect(outcomes[0]?.counts.log).toMatchObject({ found: 11, erased: 11 })
    expect((await left('log')).length).toBe(10)
  })

  test("of 200 people one whose rows the store refuses fails alone, with the others' true counts", async () => {
    const people = Array.from({ length: 200 }, (_, at) => String(at + 1))
    const outcomes = await erase(
      `CREATE TABLE users (id int PRIMARY KEY);
       CREATE TABLE orders (id serial PRIMARY KEY, user_id int REFERENCES users);
       INSERT INTO users SELECT generate_series(1, 300); INSERT INTO orders (user_id) SELECT generate_series(1, 300) FROM generate_series(1, 2);
       CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id = 137 THEN RAISE EXCEPTION 'user 137 stays'; END IF; RETURN OLD; END $$;
       CREATE TRIGGER keep BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION keep();`,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'orders', by: 'user_id', method: 'delete' },
      ],
      people,
    )
    const failed = outcomes.flatMap((outcome, at) =>
      outcome.outcome === 'failed' ? [[at + 1, outcome.errorCode]] : [],
    )
    expect(failed).toEqual([[137, 'refused_by_trigger']])
    expect(
      outcomes.filter(({ counts }) => counts.orders?.erased === 2 && counts.users?.erased === 1).length,
    ).toBe(199)
    expect([(await left('users')).length, (await left('orders')).length]).toEqual([101, 202])
    const { rows } = await database.owner.query('SELECT count(*)::int AS n FROM lethe.receipts')
    expect(rows[0].n).toBe(199)
  })
})
