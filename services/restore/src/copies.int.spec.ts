import { postgres } from '@lethe/connectors/postgres'
import { redis } from '@lethe/connectors/redis'
import type { Connector } from '@lethe/eraser-kit'
import { endpoints } from '@lethe/infra'
import type { Caller } from '@lethe/service-host'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReviewStore } from './adapters/review-store.js'
import { Copies } from './application/copies.js'
import { round, secret } from './testing/process.js'
import { operator, Stand } from './testing/stand.js'

const NOBODY = expect.toSatisfy((counts: object) => Object.keys(counts).length === 0)

let stand: Stand
let copies: Copies
let copyUrl: string
let backup: string

const elements = [
  { table: 'orders', by: 'user_id', method: 'delete' },
  { table: 'users', by: 'id', method: 'delete', createdAt: 'created_at' },
]
const section = (systemId: string) => ({
  version: 1,
  tenant: { none: true } as const,
  canonical: 'user_id' as const,
  system: { systemId, kind: 'postgres', connection: 'SHOP', ceiling: null, body: { elements } },
})
const LETTERS = { table: 'letters', by: 'user_id', method: 'delete' }
/** Two versions of the map, of which the younger one has lost a table. */
const sinceLost = (version: number | 'current') => ({
  ...section('shop-pg'),
  version: version === 1 ? 1 : 2,
  system: {
    ...section('shop-pg').system,
    body: { elements: version === 1 ? [LETTERS, ...elements] : elements },
  },
})
const copiesOf = (incarnation = 'test', shop: typeof sinceLost = () => section('shop-pg')) =>
  new Copies({
    connectors: new Map([
      ['shop-pg', postgres as unknown as Connector],
      ['cache', redis as unknown as Connector],
    ]),
    request: {
      section: async (version, systemId) =>
        systemId === 'cache'
          ? {
              ...section('cache'),
              system: { ...section('cache').system, kind: 'redis', body: { keys: ['user:{user_id}'] } },
            }
          : shop(version),
    },
    source: stand.source,
    store: stand.store,
    reviews: new ReviewStore(stand.pool),
    secret,
    incarnation,
  })

const people = (database: string) => stand.shop.in(database, 'SELECT id FROM users ORDER BY id')
const copy = (more: object = {}) => ({ applyId: 'a1', systemId: 'shop-pg', url: copyUrl, ...more })
const through = async (phase: 'replay' | 'probe', of: ReturnType<typeof copy>, caller: Caller = operator) => {
  const tallies = []
  for (let after = ''; ; ) {
    const page = await copies[phase](caller, of, after)
    tallies.push(page.tally)
    after = page.cursor
    if (page.done) return tallies
  }
}

beforeEach(async () => {
  stand = await Stand.open()
  copies = copiesOf()
  const process = stand.process()
  await round(process)
  backup = await stand.shop.backUp()
  copyUrl = stand.shop.url(undefined, backup)
  await round(process)
  for (const id of ['u1', 'u2']) await stand.tombstone(id)
})
afterEach(() => stand.close())

describe('a copy that is not in use', () => {
  it('is erased from and probed, page by page; the store in use, its gate and both markers stay as they are', async () => {
    const live = await people(stand.shop.name)
    const markers = await stand.shop.in(backup, 'SELECT value FROM lethe.marker')
    const others = `SELECT md5(string_agg(u::text || o::text, '|' ORDER BY u.id)) AS d FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id NOT IN ('u1', 'u2')`
    const before = await stand.shop.in(backup, others)
    expect(await copies.check(operator, copy(), false)).toMatchObject({
      tombstones: 2,
      markerAt: expect.any(Number),
      reasons: [],
    })
    expect(await through('replay', copy())).toMatchObject([{ tombstones: 2, replayed: 2, alreadyAbsent: 0 }])
    // A page whose answer was lost is asked for again, and counts the same.
    expect(await through('replay', copy())).toMatchObject([{ tombstones: 2, replayed: 2 }])
    expect(await through('probe', copy())).toMatchObject([
      { tombstones: 2, held: 0, residual: NOBODY, inconclusive: NOBODY },
    ])
    expect(await stand.shop.in(backup, others)).toEqual(before)
    expect((await people(backup)).length).toBe(198)
    expect(await people(stand.shop.name)).toEqual(live)
    expect(await stand.shop.in(backup, 'SELECT value FROM lethe.marker')).toEqual(markers)
    expect(await stand.store.gates()).toEqual([])
    expect(await stand.store.history(null, 10)).toEqual([])
    const { rows } = await stand.pool.query('SELECT action, detail FROM audit.restores')
    expect(rows).toEqual([{ action: 'apply', detail: { applyId: 'a1', dryRun: false } }])
  })

  it('is only looked at by a probe, which finds whoever is in it; whoever is under a hold is left and counted', async () => {
    await stand.tombstone('u3', { held: true })
    const found = await through('probe', copy())
    expect(found).toMatchObject([{ tombstones: 3, held: 1, residual: { users: 2, orders: 2 } }])
    expect(await through('replay', copy())).toMatchObject([{ replayed: 2, held: 1 }])
    expect((await people(backup)).map(({ id }) => id)).toContain('u3')
  })

  it('of an older data map is judged by the tables that only that map knows as well', async () => {
    await stand.shop.in(backup, `CREATE TABLE letters AS SELECT id AS user_id FROM users`)
    copies = copiesOf('test', sinceLost)
    expect(await through('probe', copy())).toMatchObject([{ residual: { letters: 2, users: 2, orders: 2 } }])
    expect(await through('replay', copy())).toMatchObject([{ replayed: 2 }])
    expect(await through('probe', copy())).toMatchObject([{ residual: NOBODY, inconclusive: NOBODY }])
    expect(await stand.shop.in(backup, 'SELECT count(*)::int AS n FROM letters')).toEqual([{ n: 198 }])
  })

  it('of one table alone is erased from and judged by that table; it has no age', async () => {
    await stand.shop.in(
      backup,
      'DROP SCHEMA lethe CASCADE; ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey; DROP TABLE users',
    )
    const part = copy({ tables: ['orders'] })
    expect(await copies.check(operator, part, false)).toMatchObject({ markerAt: null, reasons: [] })
    expect(await through('replay', part)).toMatchObject([{ replayed: 2 }])
    expect(await through('probe', part)).toMatchObject([{ residual: NOBODY, inconclusive: NOBODY }])
    await expect(copies.check(operator, copy({ tables: ['order'] }), false)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('order'),
    })
    await expect(through('replay', copy())).rejects.toMatchObject({ code: 'map_mismatch' })
  })

  it('without a marker, or older than a tombstone that was collected, says why it can not be called clean', async () => {
    await stand.tombstone('u4', { effectiveAt: Date.now() + 1_000, expiresAt: Date.now() - 1 })
    expect(await copies.check(operator, copy(), false)).toMatchObject({
      reasons: [{ code: 'older_than_collected' }],
    })
    await stand.shop.in(backup, 'DELETE FROM lethe.marker')
    expect(await copies.check(operator, copy(), true)).toMatchObject({
      reasons: [{ code: 'marker_unknown' }],
    })
  })
})

describe('what is no such copy is refused, and nothing is changed in it', () => {
  const refused = (of: Promise<unknown>) =>
    of.then(
      () => 'done',
      (error: { code: string }) => error.code,
    )

  it('the store in use, another installation’s, another kind’s, one that is not there', async () => {
    const live = copy({ url: stand.shop.url() })
    expect(await refused(copies.check(operator, live, false))).toBe('illegal_transition')
    expect(await refused(copies.replay(operator, live, ''))).toBe('illegal_transition')
    expect((await people(stand.shop.name)).length).toBe(200)
    const theirs = copiesOf('staging')
    expect(await refused(theirs.replay(operator, copy(), ''))).toBe('map_mismatch')
    await stand.shop.in(backup, `UPDATE lethe.marker SET value = 'something else'`)
    expect(await refused(copies.replay(operator, copy(), ''))).toBe('map_mismatch')
    expect((await people(backup)).length).toBe(200)
    expect(await refused(copies.check(operator, copy({ url: endpoints().shopRedisUrl }), false))).toBe(
      'invalid_request',
    )
    const away = copy({ url: 'postgres://nobody:hunter2@127.0.0.1:1/none' })
    await expect(copies.check(operator, away, false)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(copies.check(operator, away, false)).rejects.not.toThrow(/hunter2/)
  })

  it('an unknown system, a part of what has none, and whoever may not', async () => {
    expect(await refused(copies.check(operator, copy({ systemId: 'shop' }), false))).toBe('not_found')
    const cache = copy({ systemId: 'cache', url: endpoints().shopRedisUrl, tables: ['users'] })
    expect(await refused(copies.check(operator, cache, false))).toBe('invalid_request')
    const viewer: Caller = { id: 'vera', roles: ['viewer'], tenants: ['*'], systemId: null }
    expect(await refused(copies.replay(viewer, copy(), ''))).toBe('forbidden')
  })
})
