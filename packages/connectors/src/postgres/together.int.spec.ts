import { type Outcome, type Pass, replayOf, type Session } from '@lethe/eraser-kit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, hostIo, openOn, passFor } from './fresh-database.spec.js'

const SHOP = `
  CREATE TABLE users (id int PRIMARY KEY, email text);
  CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, address text, at timestamptz NOT NULL);
  CREATE TABLE loyalty (id int PRIMARY KEY, user_id int REFERENCES users);
  INSERT INTO users SELECT n, 'u' || n || '@example.com' FROM generate_series(1, 60) n;
  INSERT INTO orders SELECT n, (n + 1) / 2, 'street ' || n, '2024-01-01' FROM generate_series(1, 120) n;`
const elements = [
  { table: 'orders', by: 'user_id', method: 'redact', set: { user_id: null, address: '[erased]' } },
  { table: 'users', by: 'id', method: 'delete' },
]
const PASS = 'shop-pg#restore/restore-1.1.1'

let database: FreshDatabase
let session: Session
const others: Session[] = []
beforeEach(async () => {
  database = await freshDatabase(SHOP)
  session = await openOn(database, elements)
})
afterEach(async () => {
  for (const one of [session, ...others.splice(0)]) await one.close()
  await database.close()
})

/** Another process, with nothing in memory. */
async function another(): Promise<Session> {
  const one = await openOn(database, elements)
  others.push(one)
  return one
}

const passes = (from: number, to: number, change: Partial<Pass> = {}): Pass[] =>
  Array.from({ length: to - from + 1 }, (_, n) =>
    passFor(String(from + n), { requestId: `request-of-${from + n}`, passId: PASS, ...change }),
  )
const replay = async (on: Session, batch: readonly Pass[], slot = 0) =>
  on.replay?.(replayOf(batch), hostIo(), slot)
const people = async () =>
  (await database.owner.query<{ id: number }>('SELECT id FROM users ORDER BY id')).rows.map(({ id }) => id)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
/** What does not depend on where in the log it was written. */
const told = (outcomes: readonly Outcome[] | null | undefined) =>
  outcomes?.map(({ outcome, counts }) => ({ outcome, counts }))

describe('a batch erased together', () => {
  test('comes to the same, in the store and in counts, as one person after the other, and touches nobody else', async () => {
    const together = await replay(session, passes(1, 30))
    const alone = await session.erase(passes(31, 60), hostIo())
    expect(told(together)).toEqual(told(alone))
    expect(together?.[0]).toMatchObject({
      outcome: 'erased',
      counts: { orders: { found: 2, redacted: 2 }, users: { found: 1, erased: 1 } },
    })
    expect(await people()).toEqual([])
    const { rows } = await database.owner.query(
      `SELECT count(*)::int AS orders, count(user_id)::int AS owned, count(DISTINCT address)::int AS addresses FROM orders`,
    )
    expect(rows).toEqual([{ orders: 120, owned: 0, addresses: 1 }])
    expect(told(await replay(session, passes(61, 61)))).toMatchObject([{ outcome: 'not_found' }])
  })

  test('tells the counts of then again, to whoever asks, also when the batches are parted otherwise', async () => {
    const [first, second] = await Promise.all([
      replay(session, passes(1, 20), 0),
      replay(session, passes(21, 40), 1),
    ])
    const next = await another()
    const again = await Promise.all([replay(next, passes(1, 15), 0), replay(next, passes(16, 41), 1)])
    expect(again[0]).toEqual(first?.slice(0, 15))
    expect(again[1]?.slice(0, 25)).toEqual([...(first?.slice(15) ?? []), ...(second ?? [])])
    expect(await people()).toEqual(range(42, 60))
    const { rows } = await database.owner.query('SELECT count(*)::int AS n FROM lethe.receipts')
    expect(rows).toEqual([{ n: 2 }])
  })

  test('tells everybody of a process that died again, also in smaller batches that take its slot, and then forgets them', async () => {
    const first = await replay(session, passes(1, 20), 0)
    const next = await another()
    for (const [from, slot] of [
      [1, 0],
      [6, 1],
      [11, 0],
      [16, 1],
    ] as const)
      expect(await replay(next, passes(from, from + 4), slot)).toEqual(first?.slice(from - 1, from + 4))
    await replay(next, passes(21, 25), 0)
    const { rows } = await database.owner.query<{ body: string }>(
      `SELECT body FROM lethe.receipts WHERE pass_id LIKE '%@0'`,
    )
    expect(rows.map(({ body }) => JSON.parse(body).requests)).toEqual([
      [range(21, 25).map((n) => `request-of-${n}`)],
    ])
  })

  test('is refused where its columns do not agree: somebody would be called absent who was not looked for', async () => {
    const whole = replayOf(passes(1, 3))
    const { people: all } = whole
    const wrong = [
      { requestIds: whole.requestIds.slice(1) },
      { people: { ...all, counts: all.counts.slice(1) } },
      { people: { ...all, values: all.values.slice(1) } },
      { people: { ...all, types: [] } },
      { people: { ...all, tenantIds: [] } },
      { people: { ...all, receivedAt: [...all.receivedAt, 1] } },
    ]
    for (const one of wrong)
      await expect(session.replay?.({ ...whole, ...one }, hostIo(), 0)).rejects.toMatchObject({
        code: 'people_disagree',
      })
    expect(await people()).toEqual(range(1, 60))
  })

  test('shares one outcome among all to whom the same happened', async () => {
    await database.owner.query('DELETE FROM orders WHERE user_id > 5')
    const outcomes = await replay(session, passes(1, 10))
    expect(new Set(outcomes).size).toBe(2)
    expect(outcomes?.[7]).toMatchObject({ counts: { orders: { found: 0 }, users: { erased: 1 } } })
  })

  test('whose receipts are lost is seen to lose its counts: the check above would notice', async () => {
    const first = await replay(session, passes(1, 5))
    await database.owner.query('DELETE FROM lethe.receipts')
    const again = await replay(await another(), passes(1, 5))
    expect(told(again)).not.toEqual(told(first))
    expect(again?.every(({ outcome }) => outcome === 'not_found')).toBe(true)
  })

  test('holds no identifier in its receipt, and counts in the marker', async () => {
    const before = await session.receipts?.marker()
    await replay(session, passes(1, 60))
    const { rows } = await database.owner.query<{ body: string }>('SELECT body FROM lethe.receipts')
    expect(rows[0]?.body).not.toMatch(/example\.com|street/)
    expect((await session.receipts?.marker())?.receipts).toBe((before?.receipts ?? 0) + 1)
  })
})

describe('a batch is left to the other way, and nothing of it is changed', () => {
  test('when rows that stay point to somebody of it', async () => {
    await database.owner.query('INSERT INTO loyalty VALUES (1, 7)')
    await database.grant()
    expect(await replay(session, passes(1, 10))).toBeNull()
    expect(await people()).toEqual(range(1, 60))
    const outcomes = await session.erase(passes(1, 10), hostIo())
    expect(outcomes.filter(({ outcome }) => outcome === 'failed')).toHaveLength(1)
    expect(await people()).toEqual([7, ...range(11, 60)])
  })

  test('when somebody is above the ceiling, was asked for twice, or is nobody this system could know', async () => {
    const low = await openOn(database, elements, { ceiling: 2 })
    others.push(low)
    expect(await replay(low, passes(1, 3))).toBeNull()
    expect(await replay(low, passes(1, 3, { ceilingWaived: true }))).toHaveLength(3)
    expect(await replay(session, [...passes(4, 5), ...passes(5, 5)])).toBeNull()
    expect(await replay(session, [...passes(4, 5), passFor({ email: 'a@b.c' }, { passId: PASS })])).toBeNull()
    expect(await people()).toEqual(range(4, 60))
  })

  test('when it could not commit before a grant expires, by the host’s clock or the server’s', async () => {
    const late = passes(1, 3, { grant: { grantId: 'g', expiresAt: Date.now() - 1 } })
    expect(await replay(session, late)).toBeNull()
    const slow = passes(1, 3, { grant: { grantId: 'g', expiresAt: Date.now() + 400 } })
    await database.owner.query(
      `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN OLD; END';
       CREATE TRIGGER slow BEFORE DELETE ON users FOR EACH STATEMENT EXECUTE FUNCTION slow()`,
    )
    expect(await replay(session, slow)).toBeNull()
    expect(await people()).toEqual(range(1, 60))
  })
})
