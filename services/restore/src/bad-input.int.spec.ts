import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgres } from '@lethe/connectors/postgres'
import type { Connector } from '@lethe/eraser-kit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ReviewStore } from './adapters/review-store.js'
import { Copies } from './application/copies.js'
import { newMarker } from './domain/marker.js'
import { type RestoreProcess, round, secret } from './testing/process.js'
import { type RestoreServer, served } from './testing/served.js'
import { ELEMENTS, Stand } from './testing/stand.js'

// Every command is a process of its own.
vi.setConfig({ testTimeout: 300_000 })

const NEEDS_PERSON = 5
const REFUSED = 3
const USAGE = 2

let stand: Stand
let server: RestoreServer
let process: RestoreProcess
let backup: string

const section = {
  version: 1,
  tenant: { none: true } as const,
  canonical: 'user_id' as const,
  system: {
    systemId: 'shop-pg',
    kind: 'postgres',
    connection: 'SHOP',
    ceiling: null,
    body: { elements: ELEMENTS },
  },
}

/** Two people erased since the backup, by the service that is asked. */
beforeEach(async () => {
  stand = await Stand.open()
  process = stand.process()
  const { source, store, pool } = stand
  const copies = new Copies({
    connectors: new Map([['shop-pg', postgres as unknown as Connector]]),
    request: { section: async () => section },
    source,
    store,
    reviews: new ReviewStore(pool),
    secret,
    incarnation: 'test',
  })
  server = await served(process, copies)
  await round(process)
  backup = await stand.shop.backUp()
  await round(process)
  for (const id of ['u1', 'u2']) await stand.tombstone(id)
  await stand.shop.as(undefined, `DELETE FROM orders WHERE user_id IN ('u1', 'u2')`)
  await stand.shop.as(undefined, `DELETE FROM users WHERE id IN ('u1', 'u2')`)
  await round(process)
})
afterEach(async () => {
  await server?.close()
  await stand?.close()
})

const people = async (database = stand.shop.name) =>
  (await stand.shop.in(database, `SELECT id FROM users WHERE id IN ('u1', 'u2') ORDER BY id`)).map(
    ({ id }) => id,
  )
const latest = async () => (await stand.store.history('shop-pg', 1))[0]
const asApplication = () => stand.shop.as(stand.shop.app, 'SELECT 1')
/** What an operator sees who waits for the newest restore. */
const waitedFor = async () => server.lethe(['restore', 'status', (await latest())?.restoreId ?? '', '--wait'])
const apply = (url = stand.shop.url(undefined, backup), system = 'shop-pg') =>
  server.lethe(['restore', 'apply', '--system', system], { LETHE_COPY_URL: url })
const refusing = (said: RegExp) => ({ code: REFUSED, out: '', err: expect.stringMatching(said) })

/** The gate is shut, whoever waits is told why and what to do, and ends with the code for it. */
async function expectWaits(code: string, advice: RegExp): Promise<void> {
  const { code: exit, out } = await waitedFor()
  expect({ exit, out }).toEqual({ exit: NEEDS_PERSON, out: expect.stringContaining(`waits  ${code}: `) })
  expect(out).toMatch(advice)
  await expect(asApplication()).rejects.toThrow(/permission denied for database/)
}

describe('an unknown system', () => {
  it('is refused by every command, and nothing is shut or changed for it', async () => {
    const data = join(server.folder, 'main')
    mkdirSync(join(data, 'global'), { recursive: true })
    const files = { PG_VERSION: '15', 'global/pg_control': '', 'postgresql.conf': '', 'pg_hba.conf': '' }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(data, name), text)
    const users = join(server.folder, 'users.acl')
    writeFileSync(users, 'user default on >a ~* +@all\nuser replay on >b ~* &* +@all\n')
    const prepare = (...given: string[]) => server.lethe(['restore', 'prepare', '--system', 'shop', ...given])
    for (const given of [
      ['--data-directory', data],
      ['--acl-file', users],
      ['--search-url', 'http://127.0.0.1:1', '--snapshot', 'a/b'],
    ])
      expect(await prepare(...given)).toEqual({
        code: USAGE,
        out: '',
        err: expect.stringContaining('watches no system shop; nothing was changed'),
      })
    expect(readdirSync(data).sort()).toEqual(['PG_VERSION', 'global', 'pg_hba.conf', 'postgresql.conf'])
    expect(readFileSync(users, 'utf8')).not.toContain('off')

    const unknown = refusing(/not_found: .*No such system is watched here; LETHE_SYSTEMS/)
    expect(await apply(undefined, 'shop')).toEqual(unknown)
    for (const what of ['announce', 'sweep'])
      expect(await server.lethe(['restore', what, '--system', 'shop'])).toEqual(unknown)
    expect(await people(backup)).toEqual(['u1', 'u2'])
    expect(await stand.store.gates()).toEqual([])
  })
})

describe('a store whose schema no longer fits the plan', () => {
  it.each([
    ['renamed', 'ALTER TABLE orders RENAME TO orders_away'],
    ['gone', 'DROP TABLE orders'],
  ])('because a table is %s stays shut, and a copy like it is not touched', async (_, change) => {
    await stand.shop.in(backup, change)
    expect(await apply()).toEqual({
      ...refusing(/map_mismatch: .*Table orders of the data map does not exist/),
      out: expect.stringContaining('2 live tombstones'),
    })
    expect(await people(backup)).toEqual(['u1', 'u2'])
    await stand.shop.restore(backup)
    await round(process)
    await expectWaits('failed', /Table orders of the data map does not exist.*It is tried again by itself/)
  })
})

describe('missing rights', () => {
  it('of the replay role keep the gate shut until it has them; to a copy they are named', async () => {
    const role = await stand.shop.replayRole()
    const url = new URL(stand.shop.url(undefined, backup))
    Object.assign(url, { username: role, password: 'secret' })
    expect(await apply(url.href)).toMatchObject(refusing(/invalid_request: .*missing_rights.*lacks a right/))
    await process.guard.stop()
    await stand.shop.restore(backup)
    await stand.shop.as(
      undefined,
      `ALTER DATABASE ${stand.shop.name} OWNER TO ${role};
       GRANT ALL ON SCHEMA public, lethe TO ${role};
       GRANT ALL ON ALL TABLES IN SCHEMA public, lethe TO ${role};
       REVOKE DELETE ON orders FROM ${role}`,
    )
    const ordinary = stand.process('test', role)
    await round(ordinary)
    await expectWaits('failed', /missing_rights.*lacks a right/)
    expect(await people()).toEqual(['u1', 'u2'])
    await stand.shop.as(undefined, `GRANT DELETE ON orders TO ${role}`)
    await round(ordinary)
    expect(await latest()).toMatchObject({ phase: 'opened', replayed: 2 })
  })
})

describe('wrong credentials', () => {
  it('are named, the password is not, and no grant goes out while nobody can look', async () => {
    const url = new URL(stand.shop.url(undefined, backup))
    Object.assign(url, { username: stand.shop.app, password: 'hunter2' })
    const ran = await apply(url.href)
    expect(ran).toEqual(refusing(/invalid_request: .*access_refused.*refused the role or its password/))
    expect(ran.err).not.toContain('hunter2')
    await process.guard.stop()
    await stand.shop.restore(backup)
    const locked = await served(stand.process('test', 'nobody_of_this_name'), {} as Copies)
    try {
      const announced = await locked.lethe(['restore', 'announce', '--system', 'shop-pg', '--wait'])
      expect(announced).toMatchObject({ code: NEEDS_PERSON })
      expect(announced.out).toMatch(/waits {2}failed: .*access_refused.*refused the role or its password/)
    } finally {
      await locked.close()
    }
    expect(await stand.store.gates()).toMatchObject([{ systemId: 'shop-pg', state: 'shut' }])
  })
})

describe('a backup of another store', () => {
  const key = { secret, systemId: 'shop-pg', incarnation: 'test' }
  it.each([
    ['another environment', { ...key, incarnation: 'staging' }],
    ['another environment with a secret of its own', { ...key, secret: `${secret} of staging` }],
    ['another tenant', { ...key, systemId: 'globex-pg' }],
  ])('of %s is refused by its marker: nobody in it is erased, and nobody gets in', async (_, theirs) => {
    const marker = newMarker(theirs, Date.now() - 1_000, 1)
    await stand.shop.in(backup, `UPDATE lethe.marker SET value = '${marker}'`)
    const refused = refusing(/map_mismatch: .*a copy of another store or tenant, or of another environment/)
    expect(await apply()).toEqual(refused)
    expect(await people(backup)).toEqual(['u1', 'u2'])
    await stand.shop.restore(backup)
    await round(process)
    await expectWaits('marker_foreign', /another tenant’s store.*Put the right one back/)
    // Their ids are not ours.
    expect(await people()).toEqual(['u1', 'u2'])
    const { code } = await server.lethe(['restore', 'retry', (await latest())?.restoreId ?? ''])
    await process.guard.idle()
    expect(code).toBe(0)
    await expectWaits('marker_foreign', /Put the right one back/)
    expect(await people()).toEqual(['u1', 'u2'])
    expect(await stand.store.history(null, 10)).toHaveLength(1)
  })
})

describe('an expired tombstone', () => {
  it('makes every older copy one that does not open, and is not called clean', async () => {
    await stand.tombstone('u4', { effectiveAt: Date.now() + 1_000, expiresAt: Date.now() - 1 })
    const applied = await apply()
    expect(applied).toMatchObject({ code: NEEDS_PERSON, err: '' })
    expect(applied.out).toMatch(
      /older_than_collected: .*Use a younger backup[\s\S]*not clean: do not put it to use/,
    )
    await stand.shop.restore(backup)
    await round(process)
    await expectWaits('older_than_collected', /may hold people nobody remembers. Use a younger backup/)
  })
})
