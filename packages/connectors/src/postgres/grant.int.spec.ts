import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, hostIo, openOn, passFor } from './fresh-database.spec.js'

let database: FreshDatabase
afterEach(() => database?.close())

const SCHEMA = `
  CREATE TABLE users (id int PRIMARY KEY, name text);
  CREATE TABLE orders (id serial PRIMARY KEY, user_id int);
  INSERT INTO users SELECT g, 'x' FROM generate_series(1, 50) g; INSERT INTO orders (user_id) SELECT g % 50 + 1 FROM generate_series(1, 100) g;`
const ELEMENTS = [
  { table: 'users', by: 'id', method: 'delete' },
  { table: 'orders', by: 'user_id', method: 'delete' },
]

async function count(table: string): Promise<number> {
  return (await database.owner.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n
}

describe('nothing commits after the grant has expired', () => {
  test('the server refuses COMMIT by itself, even when the process was stopped meanwhile', async () => {
    database = await freshDatabase(SCHEMA)
    const client = await database.owner.connect()
    try {
      await client.query('BEGIN')
      await client.query('DELETE FROM users WHERE id = 1')
      await client.query(
        `INSERT INTO lethe.receipts (request_id, pass_id, body, outcome, grant_expires_at) VALUES ('r', 'p', '', '{}', clock_timestamp() + interval '150 ms')`,
      )
      await client.query('SELECT pg_sleep(0.3)')
      await expect(client.query('COMMIT')).rejects.toMatchObject({ code: 'LE001' })
      expect(await count('users')).toBe(50)
    } finally {
      client.release()
    }
  })

  test('a process that stands still between the last statement and COMMIT changes nothing', async () => {
    database = await freshDatabase(SCHEMA)
    const session = await openOn(database, ELEMENTS)
    const start = Date.now()
    // The host believes that no time has passed: its clock stood still while it was stopped.
    const io = hostIo({
      now: () => start,
      receipt: (pass, outcome) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
        return { requestId: pass.requestId, passId: pass.passId, body: JSON.stringify(outcome) }
      },
    })
    const [outcome] = await session.erase(
      [passFor('1', { grant: { grantId: 'g', expiresAt: start + 200 } })],
      io,
    )
    expect(outcome).toMatchObject({ outcome: 'failed', errorCode: 'grant_expired', errorClass: 'retryable' })
    expect([await count('users'), await count('lethe.receipts')]).toEqual([50, 0])
    await session.close()
  })

  test('a store whose trigger was dropped or disabled is not erased from', async () => {
    database = await freshDatabase(SCHEMA)
    await database.owner.query('ALTER TABLE lethe.receipts DISABLE TRIGGER receipts_grant')
    const session = await openOn(database, ELEMENTS)
    await expect(session.erase([passFor('1')], hostIo())).rejects.toMatchObject({
      code: 'receipts_not_installed',
      errorClass: 'terminal',
    })
    expect(await count('users')).toBe(50)
    await session.close()
  })

  test('an expired pass fails alone, the rest of its batch goes on', async () => {
    database = await freshDatabase(SCHEMA)
    const session = await openOn(database, ELEMENTS)
    const outcomes = await session.erase(
      [passFor('1', { grant: { grantId: 'g', expiresAt: Date.now() - 1 } }), passFor('2')],
      hostIo(),
    )
    expect(outcomes.map(({ outcome, errorCode }) => errorCode ?? outcome)).toEqual([
      'grant_expired',
      'erased',
    ])
    await session.close()
  })
})

describe('receipts and marker', () => {
  test('two hosts with the same pass at once erase once, with the same counts', async () => {
    database = await freshDatabase(SCHEMA)
    const [one, two] = [await openOn(database, ELEMENTS), await openOn(database, ELEMENTS)]
    const pass = passFor('7')
    const [[first], [second]] = await Promise.all([one.erase([pass], hostIo()), two.erase([pass], hostIo())])
    expect(second?.counts).toEqual(first?.counts)
    expect(first?.counts.users?.erased).toBe(1)
    expect(await count('lethe.receipts')).toBe(1)
    await Promise.all([one.close(), two.close()])
  })

  test('two requests of one person in one batch: the first erases, the second finds nobody', async () => {
    database = await freshDatabase(SCHEMA)
    const session = await openOn(database, ELEMENTS)
    const pass = passFor('7')
    const outcomes = await session.erase([pass, passFor('8'), passFor('7'), pass], hostIo())
    expect(outcomes.map(({ outcome, counts }) => [outcome, counts.orders?.erased])).toEqual([
      ['erased', 2],
      ['erased', 2],
      ['not_found', 0],
      ['erased', 2],
    ])
    expect(await count('lethe.receipts')).toBe(3)
    await session.close()
  })

  test('the marker counts every batch of receipts and keeps its value', async () => {
    database = await freshDatabase(SCHEMA)
    const session = await openOn(database, ELEMENTS)
    expect(await session.receipts?.marker()).toEqual({ found: null, receipts: 0 })
    await session.erase([passFor('1')], hostIo())
    const first = await session.receipts?.marker()
    await session.erase([passFor('2')], hostIo())
    const second = await session.receipts?.marker()
    expect([first, second]).toEqual([
      { found: null, receipts: 1 },
      { found: null, receipts: 2 },
    ])
    expect(await session.receipts?.prune(new Date(Date.now() - 60_000))).toBe(0)
    expect(await session.receipts?.prune(new Date(Date.now() + 60_000))).toBe(2)
    await session.close()
  })
})

describe('other writers of the store', () => {
  test('a deadlock is tried again and ends with the true counts', async () => {
    database = await freshDatabase(SCHEMA)
    const session = await openOn(database, ELEMENTS, { lockTimeoutMs: 5_000 })
    const shop = await database.owner.connect()
    try {
      // The connector takes users first and orders next; the shop takes them the other way round and is
      // patient, so that the server ends the connector's transaction.
      await shop.query(
        `BEGIN; SET LOCAL deadlock_timeout = '30s'; UPDATE orders SET user_id = user_id WHERE user_id = 1;`,
      )
      const erasing = session.erase([passFor('1')], hostIo())
      await waitFor(async () => (await blocked()) > 0)
      const shops = shop.query(`UPDATE users SET name = 'y' WHERE id = 1`).then(() => shop.query('COMMIT'))
      const [outcome] = await erasing
      await shops
      expect(outcome).toMatchObject({
        outcome: 'erased',
        counts: { users: { erased: 1 }, orders: { erased: 2 } },
      })
      await waitFor(async () => (await deadlocks()) === 1)
    } finally {
      shop.release()
      await session.close()
    }
  })

  test('a row somebody holds locked fails its own person as retryable, the others are erased', async () => {
    database = await freshDatabase(SCHEMA)
    const session = await openOn(database, ELEMENTS, { lockTimeoutMs: 50 })
    const shop = await database.owner.connect()
    try {
      await shop.query('BEGIN; SELECT 1 FROM users WHERE id = 3 FOR UPDATE')
      const outcomes = await session.erase(
        ['1', '2', '3', '4'].map((id) => passFor(id)),
        hostIo(),
      )
      expect(
        outcomes.map(({ outcome, errorCode, errorClass }) => errorCode ?? errorClass ?? outcome),
      ).toEqual(['erased', 'erased', 'row_locked', 'erased'])
      expect(outcomes[2]?.errorClass).toBe('retryable')
    } finally {
      await shop.query('ROLLBACK')
      shop.release()
      await session.close()
    }
  })
})

async function blocked(): Promise<number> {
  const { rows } = await database.owner.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return rows[0].n
}

async function deadlocks(): Promise<number> {
  const { rows } = await database.owner.query(
    'SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()',
  )
  return rows[0].n
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition did not come about within 10 s')
    await pause(10)
  }
}
