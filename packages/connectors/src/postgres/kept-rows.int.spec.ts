import type { Outcome, Session } from '@lethe/eraser-kit'
import { afterEach, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, hostIo, openOn, passFor } from './fresh-database.spec.js'

let database: FreshDatabase
let session: Session | undefined
afterEach(async () => {
  await session?.close()
  session = undefined
  await database?.close()
})

const retain = { ground: '17(3)(b)', citation: 'tax law', until: 'P7Y from at' }
const SHOP = `
  CREATE TABLE users (id int PRIMARY KEY);
  CREATE TABLE orders (shop text, no int, user_id int REFERENCES users, mail text, at timestamptz NOT NULL, PRIMARY KEY (shop, no));
  CREATE TABLE lines (id int PRIMARY KEY, shop text, no int, at timestamptz NOT NULL, FOREIGN KEY (shop, no) REFERENCES orders);
  INSERT INTO users VALUES (1), (2);
  INSERT INTO orders VALUES ('a', 1, 1, 'm', '2024-01-01Z'), ('a', 2, 1, 'm', '2026-01-01Z'), ('a', 3, 1, 'm', '2010-01-01Z'), ('b', 1, 2, 'm', '2024-01-01Z'), ('c', 1, NULL, '[erased]', '2000-01-01Z');
  INSERT INTO lines SELECT row_number() OVER (), shop, no, at FROM orders;`
const elements = [
  { table: 'users', by: 'id', method: 'delete' },
  { table: 'orders', by: 'user_id', method: 'redact', set: { user_id: null, mail: '[erased]' }, retain },
  { table: 'lines', by: 'user_id', via: 'orders', method: 'retain', retain },
]

/** A pass of one request, at some moment. */
async function erase(passId: string, at: number, requestId = 'request-of-1', person = '1'): Promise<Outcome> {
  const pass = passFor(person, { requestId, passId, grant: { grantId: 'g', expiresAt: at + 30_000 } })
  const [outcome] = (await session?.erase([pass], hostIo({ now: () => at }))) ?? []
  return outcome as Outcome
}

const left = async (table: string) =>
  (await database.owner.query(`SELECT * FROM ${table} ORDER BY 1, 2`)).rows.map(
    ({ shop, no, user_id: owner, mail }) => [shop ?? no, no, owner, mail].filter((one) => one !== undefined),
  )
const noted = async () =>
  (await database.owner.query('SELECT request_id, collection, key FROM lethe.kept_rows ORDER BY key::text'))
    .rows
const in2026 = Date.UTC(2026, 5, 1)
const in2031 = Date.UTC(2031, 0, 2)
const in2033 = Date.UTC(2033, 0, 2)

describe('rows that lose their person and are retained', () => {
  test("go when their time is over, with what hangs on them, and nobody else's", async () => {
    database = await freshDatabase(SHOP)
    session = await openOn(database, elements)
    const first = await erase('shop-pg#1/initial', in2026)
    expect(first).toMatchObject({
      outcome: 'retained',
      counts: {
        users: { erased: 1 },
        orders: { found: 3, erased: 1, retained: 2, redacted: 0 },
        lines: { found: 3, erased: 1, retained: 2 },
      },
    })
    expect(first.retained?.map(({ until }) => until)).toEqual([Date.UTC(2033, 0, 1), Date.UTC(2033, 0, 1)])
    expect(await noted()).toEqual([
      { request_id: 'request-of-1', collection: 'public.orders', key: { no: '1', shop: 'a' } },
      { request_id: 'request-of-1', collection: 'public.orders', key: { no: '2', shop: 'a' } },
    ])

    const early = await erase('shop-pg#1/resume-1', in2031)
    expect(early).toMatchObject({
      outcome: 'retained',
      counts: { orders: { found: 2, erased: 1, retained: 1 }, lines: { found: 2, erased: 1, retained: 1 } },
      retained: [expect.objectContaining({ until: Date.UTC(2033, 0, 1) }), expect.anything()],
    })
    const last = await erase('shop-pg#1/resume-2', in2033)
    expect(last).toMatchObject({
      outcome: 'erased',
      counts: { orders: { found: 1, erased: 1, retained: 0 }, lines: { found: 1, erased: 1 } },
    })
    expect(await left('orders')).toEqual([
      ['b', 1, 2, 'm'],
      ['c', 1, null, '[erased]'],
    ])
    expect(await left('lines')).toHaveLength(2)
    expect(await noted()).toEqual([])
    expect((await erase('shop-pg#1/resume-3', in2033)).outcome).toBe('not_found')
  })

  test('are still said to be retained when the same request comes again', async () => {
    database = await freshDatabase(SHOP)
    session = await openOn(database, elements)
    await erase('shop-pg#1/initial', in2026)
    const again = await erase('shop-pg#1/retry-1', in2026)
    expect(again).toMatchObject({
      outcome: 'retained',
      counts: { orders: { found: 2, retained: 2, erased: 0 } },
    })
    expect((await erase('shop-pg#1/initial', in2026, 'another-request')).outcome).toBe('not_found')
  })

  test('of two people of one batch stay apart', async () => {
    database = await freshDatabase(SHOP)
    session = await openOn(database, elements)
    const grant = { grantId: 'g', expiresAt: in2026 + 30_000 }
    const outcomes = await session.erase(
      ['1', '2'].map((person) => passFor(person, { requestId: `request-of-${person}`, grant })),
      hostIo({ now: () => in2026 }),
    )
    expect(outcomes.map(({ counts }) => counts.orders?.retained)).toEqual([2, 1])
    const resumed = await erase('shop-pg#1/resume-1', in2033, 'request-of-2', '2')
    expect(resumed.counts).toMatchObject({ orders: { erased: 1 }, lines: { erased: 1 } })
    expect((await left('orders')).map(([shop, no]) => `${shop}${no}`)).toEqual(['a1', 'a2', 'c1'])
  })

  test('that something outside the map points to are left, and the person fails', async () => {
    database =
      await freshDatabase(`${SHOP} CREATE TABLE refunds (shop text, no int, FOREIGN KEY (shop, no) REFERENCES orders ON DELETE CASCADE);
      INSERT INTO refunds VALUES ('a', 2);`)
    session = await openOn(database, elements)
    await erase('shop-pg#1/initial', in2026)
    expect(await erase('shop-pg#1/resume-1', in2033)).toMatchObject({
      outcome: 'failed',
      errorCode: 'cascade_outside_map',
    })
    expect((await database.owner.query('SELECT * FROM refunds')).rows).toHaveLength(1)
    expect(await noted()).toHaveLength(2)
  })

  test('are found by the key of the row that detach repointed, too', async () => {
    database = await freshDatabase(`
      CREATE TABLE customer (id int PRIMARY KEY);
      CREATE TABLE invoice (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), customer_id int NOT NULL REFERENCES customer, at date NOT NULL);
      INSERT INTO customer VALUES (1), (2); INSERT INTO invoice (customer_id, at) VALUES (1, '2024-01-01'), (2, '2024-01-01');`)
    session = await openOn(database, [
      { table: 'customer', by: 'id', method: 'delete' },
      { table: 'invoice', by: 'customer_id', method: 'detach', to: 'deleted-row', retain },
    ])
    expect((await erase('shop-pg#1/initial', in2026)).counts).toMatchObject({
      customer: { erased: 1 },
      invoice: { found: 1, retained: 1 },
    })
    expect((await erase('shop-pg#1/resume-1', in2033)).counts).toMatchObject({
      invoice: { found: 1, erased: 1 },
    })
    expect((await database.owner.query('SELECT customer_id FROM invoice')).rows).toEqual([{ customer_id: 2 }])
  })

  test('need a primary key that the redaction leaves alone', async () => {
    database = await freshDatabase(
      'CREATE TABLE orders (user_id int, at timestamptz); CREATE TABLE bills (user_id int PRIMARY KEY, at date);',
    )
    const element = { by: 'user_id', method: 'redact', retain }
    await expect(
      openOn(database, [{ ...element, table: 'orders', set: { user_id: null } }]),
    ).rejects.toMatchObject({
      code: 'retained_unfindable',
      message: expect.stringContaining('orders'),
    })
    await expect(
      openOn(database, [{ ...element, table: 'bills', set: { user_id: 0 } }]),
    ).rejects.toMatchObject({
      code: 'retained_unfindable',
    })
  })
})
