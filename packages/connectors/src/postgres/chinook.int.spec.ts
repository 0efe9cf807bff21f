import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseDataMap } from '@lethe/data-map'
import type { Outcome, Session } from '@lethe/eraser-kit'
import type { Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { kinds } from '../kinds.js'
import { postgres } from './connector.js'
import { type FreshDatabase, freshDatabase, hostIo, passFor } from './fresh-database.spec.js'
import type { PostgresSystem } from './grammar.js'

/** A sample shop nobody here wrote; it stays outside the repository. */
const FILE =
  process.env.LETHE_CHINOOK ??
  fileURLToPath(new URL('../../../../../shared/data/chinook.sql', import.meta.url))

const MAP = `
version: 1
tenant: { none: true }
identifiers: { canonical: user_id, alias: [email, 'vendor:staff', 'vendor:playlist'] }
systems:
  chinook:
    kind: postgres
    resolves: { user_id: customer.customer_id, email: customer.email }
    elements:
      - { table: customer, by: customer_id, method: delete, category: direct }
      - { table: invoice, by: customer_id, method: detach, to: deleted-row,
          set: { billing_address: null, billing_city: null, billing_state: null, billing_postal_code: '[erased]' } }
      - { table: playlist, by: playlist_id, identifier: 'vendor:playlist', method: delete }
      - { table: playlist_track, by: playlist_id, identifier: 'vendor:playlist', method: delete }
      - { table: employee, by: employee_id, identifier: 'vendor:staff', method: delete, createdAt: hire_date }
      - { table: employee, by: reports_to, identifier: 'vendor:staff', method: redact, set: { reports_to: null } }
      - { table: customer, by: support_rep_id, identifier: 'vendor:staff', method: redact, set: { support_rep_id: null } }
`

/** What the map does to customer 5 and employees 2 and 3, as somebody at a psql prompt would do it. */
const BY_HAND = `
  UPDATE invoice SET customer_id = $shared, billing_address = NULL, billing_city = NULL, billing_state = NULL,
    billing_postal_code = '[erased]' WHERE customer_id = 5;
  DELETE FROM customer WHERE customer_id = 5;
  DELETE FROM playlist_track WHERE playlist_id = 5;
  DELETE FROM playlist WHERE playlist_id = 5;
  UPDATE customer SET support_rep_id = NULL WHERE support_rep_id IN (2, 3);
  UPDATE employee SET reports_to = NULL WHERE reports_to IN (2, 3);
  DELETE FROM employee WHERE employee_id IN (2, 3);`

const people: readonly Record<string, string>[] = [
  { user_id: '5', email: 'frantisekw@jetbrains.com', 'vendor:playlist': '5' },
  { 'vendor:staff': '2', email: 'nancy@chinookcorp.com' },
  { 'vendor:staff': '3' },
]

let shop: FreshDatabase
let session: Session | undefined

/** The sample's own statements; creating and entering a database is done here. */
const sample = () => readFileSync(FILE, 'utf8').replace(/^(DROP DATABASE|CREATE DATABASE|\\c)[^\n]*$/gm, '')

function contextOf(database: FreshDatabase, role: 'erase' | 'probe', map: string) {
  const parsed = parseDataMap(map, kinds)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  const { tenant, identifiers, systems } = parsed.map
  const options = postgres.options.parse({ url: database.url(role) })
  const system = systems.chinook?.body as PostgresSystem
  return { systemId: 'chinook', options, system, tenant, canonical: identifiers.canonical, ceiling: 5_000 }
}

async function erase(map = MAP): Promise<Outcome[]> {
  session = await postgres.open(contextOf(shop, 'erase', map))
  return session.erase(
    people.map((person) => passFor(person)),
    hostIo(),
  )
}

async function probe(map = MAP) {
  const looking = await postgres.openProbe(contextOf(shop, 'probe', map))
  try {
    return await looking.probe(people.map((person) => passFor(person).subject))
  } finally {
    await looking.close()
  }
}

/** Rows and md5 of every table, by plain SQL. */
async function digests(db: Pool): Promise<Record<string, string>> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
  )
  const found: Record<string, string> = {}
  for (const { name } of rows) {
    const digest = await db.query<{ digest: string }>(
      `SELECT count(*) || ' ' || md5(coalesce(string_agg(x::text, chr(10) ORDER BY x::text COLLATE "C"), '')) AS digest FROM ${name} AS x`,
    )
    found[name] = digest.rows[0]?.digest ?? ''
  }
  return found
}

describe('a shop nobody here wrote', () => {
  beforeEach(async ({ skip }) => {
    skip(!existsSync(FILE), 'there is no ../shared/data/chinook.sql beside the repository: set LETHE_CHINOOK')
    shop = await freshDatabase(sample())
  })
  afterEach(async () => {
    await session?.close()
    session = undefined
    await shop?.close()
  })

  test('is changed exactly as by hand: a customer, two employees with reports, and nothing else', async () => {
    const twin = await freshDatabase(sample())
    try {
      expect(await digests(shop.owner)).toEqual(await digests(twin.owner))
      expect((await probe()).map(({ result }) => result)).toEqual(['residual', 'residual', 'residual'])
      const outcomes = await erase()
      expect(outcomes.map(({ outcome, errorCode }) => errorCode ?? outcome)).toEqual([
        'erased',
        'erased',
        'erased',
      ])
      expect(outcomes[0]?.counts).toMatchObject({
        customer: { erased: 1 },
        invoice: { found: 7, redacted: 7 },
        playlist: { erased: 1 },
        playlist_track: { erased: 1477 },
      })
      expect(outcomes[1]?.counts.employee).toMatchObject({ found: 4, erased: 1 })
      expect(outcomes[2]?.counts).toMatchObject({
        employee: { erased: 1 },
        customer: { found: 21, redacted: 21 },
      })

      const { rows } = await shop.owner.query<{ key: { customer_id: string } }>(
        'SELECT key FROM lethe.shared_rows',
      )
      const shared = Number(rows[0]?.key.customer_id)
      const row = await shop.owner.query(`SELECT * FROM customer WHERE customer_id = ${shared}`)
      const { customer_id: _, ...neutral } = row.rows[0]
      expect(new Set(Object.values(neutral))).toEqual(new Set(['deleted', null]))
      await twin.owner.query(
        `INSERT INTO customer (customer_id, first_name, last_name, email) VALUES (${shared}, 'deleted', 'deleted', 'deleted')`,
      )
      await twin.owner.query(BY_HAND.replace('$shared', String(shared)))
      expect(await digests(shop.owner)).toEqual(await digests(twin.owner))

      const after = await probe()
      expect(after.map(({ result }) => result)).toEqual(['clean', 'clean', 'clean'])
      expect(Object.keys(after[0]?.residual ?? {}).sort()).toEqual([
        'customer',
        'employee',
        'invoice',
        'playlist',
        'playlist_track',
      ])
    } finally {
      await twin.close()
    }
  })

  test('a second customer is detached to the same row, and erasing again finds nothing', async () => {
    await erase()
    const [second] = (await session?.erase([passFor('6')], hostIo())) ?? []
    expect(second?.counts.invoice).toMatchObject({ found: 7, redacted: 7 })
    const { rows } = await shop.owner.query('SELECT count(*)::int AS n FROM customer WHERE customer_id < 0')
    expect(rows).toEqual([{ n: 1 }])
    const again = await session?.erase(
      people.map((person) => passFor(person)),
      hostIo(),
    )
    expect(again?.map(({ outcome }) => outcome)).toEqual(['not_found', 'not_found', 'not_found'])
  })

  test('numbers that are a customer and an employee lead to the one who was meant', async () => {
    session = await postgres.open(contextOf(shop, 'erase', MAP))
    const [counts] = await session.preview([passFor('3').subject])
    expect(counts).toMatchObject({ customer: { found: 1 }, employee: { found: 0 }, invoice: { found: 7 } })
    const found = await session.resolve?.([passFor({ email: 'FTremblay@gmail.com' }).subject])
    expect(found?.[0]).toEqual([
      expect.arrayContaining([
        { type: 'user_id', value: '3' },
        { type: 'email', value: 'ftremblay@gmail.com' },
      ]),
    ])
  })

  test('whoever is still pointed to by a table the map forgot fails, and nothing of theirs is changed', async () => {
    const forgetful = MAP.split('\n')
      .filter((line) => !line.includes('by: support_rep_id'))
      .join('\n')
    const outcomes = await erase(forgetful)
    // Nobody has employee 2 as their support; employee 3 has 21 customers, who still point there.
    expect(outcomes.map(({ outcome, errorCode }) => errorCode ?? outcome)).toEqual([
      'erased',
      'erased',
      'referenced_elsewhere',
    ])
    const { rows } = await shop.owner.query(
      'SELECT employee_id, reports_to FROM employee WHERE employee_id < 5',
    )
    expect(rows).toEqual(expect.arrayContaining([{ employee_id: 3, reports_to: null }]))
    expect((await probe(forgetful)).map(({ result }) => result)).toEqual(['clean', 'clean', 'residual'])
  })
})
