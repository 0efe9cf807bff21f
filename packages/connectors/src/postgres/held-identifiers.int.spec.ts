import type { HeldIdentifiers, TenantRule } from '@lethe/eraser-kit'
import { Pool } from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { type FreshDatabase, freshDatabase, openOn } from './fresh-database.spec.js'
import { RawRows } from './raw-rows.js'

let database: FreshDatabase
afterEach(() => database?.close())

type Held = readonly [type: string, value: string, tenantId: string | null]

function textsOf({ type, records }: HeldIdentifiers): Held[] {
  const bytes = Buffer.from(records)
  const texts: (string | null)[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readInt32BE(at)
    const behind = at + 4 + Math.max(0, length)
    texts.push(length < 0 ? null : bytes.toString('utf8', at + 4, behind))
    at = behind
  }
  return Array.from({ length: texts.length / 2 }, (_, n) => [
    type,
    texts[2 * n] ?? '',
    texts[2 * n + 1] ?? null,
  ])
}

async function held(
  schema: string,
  elements: Parameters<typeof openOn>[1],
  options?: Readonly<{ tenant?: TenantRule }>,
): Promise<Held[]> {
  database = await freshDatabase(schema)
  const session = await openOn(database, elements, options)
  const found: Held[] = []
  for await (const page of (await session.identifiers?.(AbortSignal.timeout(60_000))) ?? [])
    found.push(...textsOf(page))
  // The connection is the driver's again.
  expect(await session.receipts?.marker()).toMatchObject({ receipts: 0 })
  await session.close()
  return found
}

describe('identifiers that a store holds', () => {
  test('come once each, as they are written, however many and however long', async () => {
    const long = 'x'.repeat(200_000)
    const found = await held(
      `CREATE TABLE users (id text PRIMARY KEY, email text);
       INSERT INTO users SELECT 'u' || n, 'same@example.com' FROM generate_series(1, 45000) n;
       INSERT INTO users VALUES ('größer "\\ ''' || chr(9) || chr(10), NULL), ('${long}', 'Other@Example.com')`,
      [
        { table: 'users', by: 'id', method: 'delete' },
        { table: 'users', by: 'email', identifier: 'email', method: 'delete' },
      ],
    )
    const ids = found.filter(([type]) => type === 'user_id').map(([, value]) => value)
    expect(new Set(ids)).toEqual(
      new Set([...Array.from({ length: 45_000 }, (_, n) => `u${n + 1}`), `größer "\\ '\t\n`, long]),
    )
    expect(ids).toHaveLength(45_002)
    expect(found.filter(([type]) => type === 'email').toSorted()).toEqual([
      ['email', 'Other@Example.com', null],
      ['email', 'same@example.com', null],
    ])
  })

  test('come with the tenant of their row', async () => {
    const found = await held(
      `CREATE TABLE users (id int PRIMARY KEY, tenant_id text);
       INSERT INTO users VALUES (1, 'a'), (2, 'größer'), (3, NULL)`,
      [{ table: 'users', by: 'id', method: 'delete' }],
      { tenant: { column: 'tenant_id' } },
    )
    expect(found.toSorted()).toEqual([
      ['user_id', '1', 'a'],
      ['user_id', '2', 'größer'],
      ['user_id', '3', null],
    ])
  })
})

test('identifiers are not read where no connection is left to erase with', async () => {
  database = await freshDatabase('CREATE TABLE users (id text PRIMARY KEY)')
  const elements = [{ table: 'users', by: 'id', method: 'delete' }]
  const session = await openOn(database, elements, { connections: 1 })
  await expect(session.identifiers?.(AbortSignal.timeout(60_000))).rejects.toMatchObject({
    code: 'too_few_connections',
  })
  await session.close()
})

test('raw rows leave errors, notices and other results to the driver', async () => {
  database = await freshDatabase('CREATE TABLE users (id text PRIMARY KEY)')
  const pool = new Pool({ connectionString: database.url('owner'), max: 1 })
  const client = await pool.connect()
  const raw = new RawRows(client)
  expect(await client.query('SELECT n::text FROM generate_series(1, 3) n')).toMatchObject({
    rowCount: 3,
    rows: [],
  })
  expect(Buffer.from(raw.take()).toString('latin1')).toBe('\0\0\0\x011\0\0\0\x012\0\0\0\x013')
  await expect(client.query(`SELECT 1 / (3 - n) FROM generate_series(1, 3) n`)).rejects.toMatchObject({
    code: '22012',
  })
  await client.query(`DO $$ BEGIN RAISE NOTICE 'noted'; END $$`)
  raw.take()
  raw.end()
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  client.release()
  await pool.end()
})
