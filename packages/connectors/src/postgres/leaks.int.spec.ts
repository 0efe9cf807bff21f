import { inspect } from 'node:util'
import { newCanary, search, shownBy } from '@lethe/eraser-kit/conformance'
import pg from 'pg'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { postgres } from './connector.js'
import { contextOf, type FreshDatabase, freshDatabase, hostIo, passFor } from './fresh-database.spec.js'

const canary = newCanary()
const user = `u-${canary.word}`
const email = `${canary.word}+${canary.digits}@example.com`

let database: FreshDatabase
afterEach(async () => {
  vi.restoreAllMocks()
  await database?.close()
})

const SCHEMA = `
  CREATE TABLE users (id text PRIMARY KEY, email text, created_at timestamptz DEFAULT '2020-01-01');
  CREATE TABLE orders (id serial PRIMARY KEY, user_id text, email text, slot text NOT NULL DEFAULT gen_random_uuid(), at timestamptz DEFAULT '2020-01-01');
  INSERT INTO users VALUES ('${user}', '${email}'), ('u2', 'u2@example.com');
  INSERT INTO orders (user_id, email) VALUES ('${user}', '${email}'), ('${user}', '${email}'), ('u2', 'u2@example.com');`
const users = { table: 'users', by: 'id', method: 'delete', createdAt: 'created_at' }
const orders = { table: 'orders', by: 'user_id', method: 'redact', set: { slot: 'gone' } }
const context = (role: 'erase' | 'probe', elements: unknown[]) =>
  contextOf(database, elements, { resolves: { user_id: 'users.id', email: 'users.email' } }, role)
const pass = () => passFor({ user_id: user, email })

interface Fault {
  readonly sql: string
  readonly elements: readonly unknown[]
  /** The statement an eraser would send, as its author would try it by hand. */
  readonly raw: string
  readonly code: string
}

const redacting = `UPDATE orders SET slot = 'gone' WHERE user_id = '${user}'`
const deleting = `DELETE FROM users WHERE id = '${user}'`
const faults: Record<string, Fault> = {
  'UNIQUE, whose detail holds the key': {
    sql: 'ALTER TABLE orders ADD UNIQUE (email, slot)',
    elements: [orders, users],
    raw: redacting,
    code: 'replacement_not_unique',
  },
  'CHECK, whose detail holds the row': {
    sql: `ALTER TABLE orders ADD CHECK (slot <> 'gone')`,
    elements: [orders, users],
    raw: redacting,
    code: 'replacement_check',
  },
  'NOT NULL, whose detail holds the row': {
    sql: 'SELECT',
    elements: [{ ...orders, set: { slot: null } }, users],
    raw: `UPDATE orders SET slot = NULL WHERE user_id = '${user}'`,
    code: 'replacement_null',
  },
  'EXCLUDE, whose detail holds both rows': {
    sql: `CREATE EXTENSION IF NOT EXISTS btree_gist; ALTER TABLE orders ADD EXCLUDE USING gist (email WITH =, slot WITH =)`,
    elements: [orders, users],
    raw: redacting,
    code: 'constraint',
  },
  'a foreign key outside the map, whose detail holds the key': {
    sql: `CREATE TABLE letters (user_id text REFERENCES users); INSERT INTO letters VALUES ('${user}')`,
    elements: [users],
    raw: deleting,
    code: 'referenced_elsewhere',
  },
  'a trigger that quotes the row': {
    sql: `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'no: %', OLD.email USING DETAIL = OLD.id, HINT = OLD.email; END $$;
      CREATE TRIGGER refuse BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION refuse();`,
    elements: [users],
    raw: deleting,
    code: 'refused_by_trigger',
  },
}

const rawError = async (sql: string) => database.owner.query(sql).catch((error: unknown) => error)

describe('what PostgreSQL says of a person stays inside the connector', () => {
  test.each(Object.keys(faults))('%s', async (name) => {
    const fault = faults[name] as Fault
    database = await freshDatabase(SCHEMA)
    await database.owner.query(fault.sql)
    await database.grant()
    // The control: the driver's own error holds the person, so a connector that let it out would be seen here.
    expect(search(Buffer.from(inspect(await rawError(fault.raw), { depth: 12 })), canary)).not.toEqual([])
    const session = await postgres.open(context('erase', [...fault.elements]))
    try {
      const passed = [pass(), passFor({ user_id: 'u2', email: 'u2@example.com' })]
      const shown = await shownBy(async () => {
        const outcomes = await session.erase(passed, hostIo())
        expect(outcomes[0]).toMatchObject({ outcome: 'failed', errorCode: fault.code })
        return outcomes
      })
      expect(shown.failed).toBe(true)
      expect(search(Buffer.from(shown.text), canary)).toEqual([])
    } finally {
      await session.close()
    }
  })

  // Reading statements touch no constraint: the driver is made to throw what the store threw for another.
  test.each(['22P02', '23505', '42501', '57014', 'XX000', 'none'])(
    'errors of every reading call, %s',
    async (code) => {
      database = await freshDatabase(SCHEMA)
      await database.owner.query('ALTER TABLE orders ADD UNIQUE (email, slot)')
      const raw = (await rawError(redacting)) as Error
      const told = Object.assign(new Error(`${raw.message} ${email}\n    at ${user}`), raw, {
        code: code === 'none' ? undefined : code,
        where: email,
        internalQuery: user,
        cause: raw,
      })
      const session = await postgres.open(context('erase', [orders, users]))
      const looking = await postgres.openProbe(context('probe', [orders, users]))
      const one = pass()
      const calls: Record<string, () => Promise<unknown>> = {
        resolve: () => session.resolve?.([one.subject]) ?? Promise.reject(new Error('no resolve')),
        preview: () => session.preview([one.subject]),
        erase: () => session.erase([one], hostIo()),
        probe: () => looking.probe([one.subject]),
        'receipts.read': () => session.receipts?.read([one]) ?? Promise.reject(new Error('no receipts')),
        describe: () => session.describe(),
        open: () => postgres.open(context('erase', [orders, users])),
        'open the probe': () => postgres.openProbe(context('probe', [orders, users])),
      }
      const query = pg.Client.prototype.query
      const broken = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (
        this: pg.Client,
        ...given: unknown[]
      ) {
        const [first] = given as [string | { text?: string }]
        const text = typeof first === 'string' ? first : (first?.text ?? '')
        if (!/\b(FROM|INTO)\b/.test(text)) return query.apply(this, given as never)
        const done = given.at(-1)
        if (typeof done === 'function') return void process.nextTick(done as () => void, told)
        return Promise.reject(told)
      } as never)
      try {
        expect(
          search(Buffer.from((await shownBy(() => database.owner.query('SELECT FROM users'))).text), canary),
        ).not.toEqual([])
        for (const [call, work] of Object.entries(calls)) {
          const shown = await shownBy(work)
          expect({ call, failed: shown.failed, hits: search(Buffer.from(shown.text), canary) }).toEqual({
            call,
            failed: true,
            hits: [],
          })
        }
      } finally {
        broken.mockRestore()
        await session.close()
        await looking.close()
      }
    },
  )
})
