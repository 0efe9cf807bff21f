import { afterEach, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, hostIo, openOn, passFor } from './fresh-database.spec.js'

let database: FreshDatabase
afterEach(() => database?.close())

async function rows(table: string) {
  return (await database.owner.query(`SELECT * FROM ${table} ORDER BY 1`)).rows
}

describe('redact', () => {
  test('puts a fresh value into each row, so that unique columns stay unique', async () => {
    database = await freshDatabase(`
      CREATE TABLE orders (id int PRIMARY KEY, user_id text, mail varchar(64) UNIQUE, ref uuid UNIQUE, label char(20), n int UNIQUE, note text);
      INSERT INTO orders SELECT g, 'u1', 'a' || g || '@x.test', gen_random_uuid(), 'x', g, 'y' FROM generate_series(1, 30) g;`)
    const set = {
      user_id: null,
      mail: { random: 'email' },
      ref: { random: 'uuid' },
      label: { random: 'text' },
      n: { random: 'int' },
      note: '[erased]',
    }
    const session = await openOn(database, [{ table: 'orders', by: 'user_id', method: 'redact', set }])
    const [outcome] = await session.erase([passFor('u1')], hostIo())
    expect(outcome).toMatchObject({ outcome: 'redacted', counts: { orders: { found: 30, redacted: 30 } } })
    const after = await rows('orders')
    expect(new Set(after.map((row) => row.mail)).size).toBe(30)
    expect(
      after.every(
        (row) =>
          /^erased-[0-9a-f]{32}@erased\.invalid$/.test(row.mail) && row.n < 0 && row.note === '[erased]',
      ),
    ).toBe(true)
    expect(after.every((row) => row.user_id === null && /^erased-/.test(row.label))).toBe(true)
    await session.close()
  })

  test('takes JSON paths out and leaves the rest of the document', async () => {
    database = await freshDatabase(`
      CREATE TABLE events (id int PRIMARY KEY, user_id int, properties jsonb, raw json);
      INSERT INTO events VALUES (1, 1, '{"email": "a", "device": {"ip": "b", "os": "c"}, "n": 1}', '{"email": "a", "k": 1}'),
        (2, 1, '"a scalar"', NULL), (3, 2, '{"email": "z"}', NULL);`)
    const json = { properties: ['email', 'device.ip'], raw: ['email'] }
    const session = await openOn(database, [{ table: 'events', by: 'user_id', method: 'redact', json }])
    const [first] = await session.erase([passFor('1')], hostIo())
    expect(first?.counts.events).toMatchObject({ found: 1, redacted: 1 })
    const [second] = await session.erase([passFor('1')], hostIo())
    expect(second?.outcome).toBe('not_found')
    expect((await rows('events')).map((row) => [row.properties, row.raw])).toEqual([
      [{ device: { os: 'c' }, n: 1 }, { k: 1 }],
      ['a scalar', null],
      [{ email: 'z' }, null],
    ])
    await session.close()
  })

  test('a replacement the table refuses fails that person with a code and no text of the store', async () => {
    database = await freshDatabase(`
      CREATE TABLE orders (id int PRIMARY KEY, user_id int, mail text NOT NULL, CHECK (mail <> '[erased]' OR user_id = 1));
      INSERT INTO orders VALUES (1, 1, 'secret-1@x'), (2, 2, 'secret-2@x');`)
    const session = await openOn(database, [
      { table: 'orders', by: 'user_id', method: 'redact', set: { mail: '[erased]' } },
    ])
    const outcomes = await session.erase([passFor('1'), passFor('2')], hostIo())
    expect(outcomes.map(({ outcome, errorCode }) => errorCode ?? outcome)).toEqual([
      'redacted',
      'replacement_check',
    ])
    expect(JSON.stringify(outcomes)).not.toContain('secret')
    await session.close()
  })
})

describe('detach', () => {
  test('repoints NOT NULL references of many people to one shared row per tenant', async () => {
    database = await freshDatabase(`
      CREATE TABLE country (code text PRIMARY KEY); INSERT INTO country VALUES ('de');
      CREATE TABLE customer (tenant_id text, id int, mail text NOT NULL UNIQUE, name varchar(5) NOT NULL, country text NOT NULL REFERENCES country,
        PRIMARY KEY (tenant_id, id));
      CREATE TABLE invoice (id int PRIMARY KEY, tenant_id text NOT NULL, customer_id int NOT NULL, total int,
        FOREIGN KEY (tenant_id, customer_id) REFERENCES customer);
      INSERT INTO customer SELECT t, g, t || g || '@x', 'Ada', 'de' FROM generate_series(1, 3) g, unnest(ARRAY['a', 'b']) t;
      INSERT INTO invoice SELECT row_number() OVER (), tenant_id, id, 5 FROM customer;`)
    const session = await openOn(
      database,
      [
        { table: 'customer', by: 'id', method: 'delete' },
        { table: 'invoice', by: 'customer_id', method: 'detach', to: 'deleted-row', row: { country: 'de' } },
      ],
      { tenant: { column: 'tenant_id' } },
    )
    const passes = [
      ['a', '1'],
      ['a', '2'],
      ['b', '1'],
    ].map(([tenantId, id]) => passFor(id as string, { tenantId: tenantId as string }))
    const outcomes = await session.erase(passes, hostIo())
    expect(outcomes.map(({ outcome, counts }) => [outcome, counts.invoice?.redacted])).toEqual([
      ['erased', 1],
      ['erased', 1],
      ['erased', 1],
    ])
    const [later] = await session.erase([passFor('3', { tenantId: 'a' })], hostIo())
    expect(later?.outcome).toBe('erased')
    const shared = (await rows('customer')).filter((row) => row.mail.startsWith('deleted-'))
    expect(shared.map((row) => row.tenant_id)).toEqual(['a', 'b'])
    expect(
      (await rows('invoice')).filter((row) => row.tenant_id === 'a' && row.customer_id === shared[0]?.id)
        .length,
    ).toBe(3)
    await session.close()
  })

  test('says which column of the shared row needs a value when it can not know one', async () => {
    database = await freshDatabase(`
      CREATE TABLE country (code text PRIMARY KEY); INSERT INTO country VALUES ('de');
      CREATE TABLE customer (id int PRIMARY KEY, country text NOT NULL REFERENCES country); INSERT INTO customer VALUES (1, 'de');
      CREATE TABLE invoice (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customer); INSERT INTO invoice VALUES (1, 1);`)
    const session = await openOn(database, [
      { table: 'invoice', by: 'customer_id', method: 'detach', to: 'deleted-row' },
    ])
    await expect(session.erase([passFor('1')], hostIo())).rejects.toMatchObject({
      code: 'shared_row_impossible',
      message: expect.stringContaining('country'),
    })
    await session.close()
  })
})

describe('retain', () => {
  test('keeps rows until their date, says why, and erases what is over', async () => {
    database = await freshDatabase(`
      CREATE TABLE consents (id int PRIMARY KEY, user_id int, at timestamptz);
      INSERT INTO consents VALUES (1, 1, '2025-06-01Z'), (2, 1, '2026-06-01Z'), (3, 1, '2010-01-01Z'), (4, 2, '2010-01-01Z');`)
    const retain = { ground: '17(3)(b)', citation: 'tax law', until: 'P7Y from at' }
    const session = await openOn(database, [
      { table: 'consents', by: 'user_id', method: 'retain', category: 'proof', retain },
    ])
    const [outcome] = await session.erase([passFor('1')], hostIo())
    expect(outcome).toMatchObject({
      outcome: 'retained',
      counts: { consents: { found: 3, retained: 2, erased: 1, redacted: 0 } },
      retained: [{ category: 'proof', ground: '17(3)(b)', citation: 'tax law', until: Date.UTC(2033, 5, 1) }],
    })
    const later = Date.UTC(2040, 0, 1)
    const [resumed] = await session.erase(
      [passFor('1', { grant: { grantId: 'g', expiresAt: later + 30_000 } })],
      hostIo({ now: () => later }),
    )
    expect(resumed).toMatchObject({ outcome: 'erased', counts: { consents: { erased: 2 } } })
    expect(await rows('consents')).toHaveLength(1)
    await session.close()
  })

  test('redacts what need not be kept and reports the row as retained', async () => {
    database = await freshDatabase(`
      CREATE TABLE orders (id int PRIMARY KEY, user_id int, mail text, at date); INSERT INTO orders VALUES (1, 1, 'a@x', '2026-01-01');`)
    const retain = { ground: '17(3)(b)', citation: 'tax law', until: 'P7Y from at' }
    const element = {
      table: 'orders',
      by: 'user_id',
      method: 'redact',
      set: { mail: { random: 'email' } },
      retain,
    }
    const session = await openOn(database, [element])
    const [outcome] = await session.erase([passFor('1')], hostIo())
    expect(outcome).toMatchObject({ outcome: 'retained', counts: { orders: { found: 1, retained: 1 } } })
    const [again] = await session.erase([passFor('1')], hostIo())
    expect(again).toMatchObject({
      outcome: 'retained',
      counts: { orders: { found: 1, retained: 1, redacted: 0 } },
    })
    expect((await rows('orders'))[0].mail).toMatch(/@erased\.invalid$/)
    await session.close()
  })
})

describe('who is meant', () => {
  test.each(['1 ', '01', '+1', '1.0', '99999999999999999999', 'u1', '-0', '١'])(
    '%j is nobody in an integer column',
    async (value) => {
      database = await freshDatabase(
        'CREATE TABLE users (id int PRIMARY KEY); INSERT INTO users VALUES (1), (0);',
      )
      const session = await openOn(database, [{ table: 'users', by: 'id', method: 'delete' }])
      const [outcome] = await session.erase([passFor(value)], hostIo())
      expect(outcome?.outcome).toBe('not_found')
      expect(await rows('users')).toHaveLength(2)
      await session.close()
    },
  )

  test('an e-mail is found however its letters were typed, a look-alike letter is someone else', async () => {
    database = await freshDatabase(`
      CREATE TABLE mails (id int PRIMARY KEY, email text, at timestamptz);
      INSERT INTO mails VALUES (1, 'Kim@X.test', '2020-01-01'), (2, 'kim@x.test', '2020-01-01'), (3, U&'\\212Aim@x.test', '2020-01-01'), (4, 'kim@x.test', '2999-01-01');
      CREATE INDEX ON mails (lower(email));`)
    const session = await openOn(database, [
      { table: 'mails', by: 'email', identifier: 'email', method: 'delete', createdAt: 'at' },
    ])
    const [outcome] = await session.erase([passFor({ email: 'kim@x.test' })], hostIo())
    expect(outcome?.counts.mails?.erased).toBe(2)
    expect((await rows('mails')).map((row) => row.id)).toEqual([3, 4])
    await session.close()
  })

  test('a ceiling stops one person before anything of theirs is changed, unless it was waived', async () => {
    database = await freshDatabase(
      'CREATE TABLE orders (id serial, user_id int); INSERT INTO orders (user_id) SELECT g % 3 FROM generate_series(1, 30) g; INSERT INTO orders (user_id) VALUES (1);',
    )
    const session = await openOn(database, [{ table: 'orders', by: 'user_id', method: 'delete' }], {
      ceiling: 10,
    })
    const outcomes = await session.erase([passFor('1'), passFor('2')], hostIo())
    expect(outcomes.map(({ outcome, errorCode, errorClass }) => [outcome, errorCode, errorClass])).toEqual([
      ['failed', 'over_ceiling', 'paused'],
      ['erased', undefined, undefined],
    ])
    expect(outcomes[0]?.counts.orders).toMatchObject({ found: 11, erased: 0 })
    const [waived] = await session.erase([passFor('1', { ceilingWaived: true })], hostIo())
    expect(waived?.counts.orders?.erased).toBe(11)
    await session.close()
  })
})

describe('mentions', () => {
  test("are masked in other people's texts as whole handles, several people in one text", async () => {
    database = await freshDatabase(`
      CREATE TABLE comments (id int PRIMARY KEY, user_id text, body text);
      INSERT INTO comments VALUES (1, 'ada', 'mine'), (2, 'kim', 'hi @ada, meet @bob. (@ada) @ada'), (3, 'kim', 'to @ada2 and @ada.b and x@ada.test'),
        (4, 'kim', '@ada'), (5, 'kim', 'nobody here @'), (6, 'kim', '@ada.');`)
    const element = {
      table: 'comments',
      by: 'user_id',
      method: 'redact',
      set: { user_id: null },
      mentions: { column: 'body', as: '@deleted' },
    }
    const session = await openOn(database, [element])
    const outcomes = await session.erase(
      [passFor('ada'), passFor('bob'), passFor('%'), passFor('.*')],
      hostIo(),
    )
    expect((await rows('comments')).map((row) => row.body)).toEqual([
      'mine',
      'hi @deleted, meet @deleted. (@deleted) @deleted',
      'to @ada2 and @ada.b and x@ada.test',
      '@deleted',
      'nobody here @',
      '@deleted.',
    ])
    expect(
      outcomes.map(({ outcome, counts }) => [outcome, counts.comments?.found, counts.comments?.redacted]),
    ).toEqual([
      ['redacted', 4, 4],
      ['redacted', 1, 1],
      ['not_found', 0, 0],
      ['not_found', 0, 0],
    ])
    await session.close()
  })
})
