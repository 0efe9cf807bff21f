import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { elasticsearch } from './index.js'
import { io, type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

const keyword = { type: 'keyword' }
const users = { name: 'users', by: 'user_id', method: 'delete' }
const shared = { tenant_id: keyword, user_id: keyword }
const MAIL_AT = { by: 'email', identifier: 'email', createdAt: 'at' }
const sum = { found: 0, erased: 0, redacted: 0, retained: 0, failed: 0 }

/** What is special to search servers, beside the conformance suite. */
export function specials(server: () => SearchServer): void {
  let store: LoneStore
  beforeEach(async () => {
    store = await openLoneStore(server())
  })
  afterEach(() => store.close())

  describe('a map that does not fit is refused at opening', () => {
    const text = { type: 'text' }
    it.each([
      ['inexact_field', { ...shared, user_id: text }, {}],
      ['inexact_field', { ...shared, user_id: { type: 'keyword', normalizer: 'lowercase' } }, {}],
      ['inexact_field', { ...shared, user_id: { type: 'float' } }, {}],
      ['unindexed_field', { ...shared, user_id: { type: 'keyword', index: false } }, {}],
      ['missing_field', { tenant_id: keyword }, {}],
      ['nested_field', { ...shared, who: { type: 'nested', properties: { id: keyword } } }, { by: 'who.id' }],
      ['tenant_unprovable', { user_id: keyword }, {}],
      ['tenant_unprovable', { ...shared, tenant_id: text }, {}],
      ['created_at_not_date', { ...shared, email: keyword, at: keyword }, MAIL_AT],
    ])('%s: %j', async (code, properties, change) => {
      await store.index('users', properties)
      await expect(store.open([{ ...users, ...change }])).rejects.toMatchObject({
        code,
        errorClass: 'terminal',
      })
    })

    it('missing_index, index_closed', async () => {
      await expect(store.open([users])).rejects.toMatchObject({ code: 'missing_index' })
      await store.index('users', shared)
      await store.call('POST', '/users/_close')
      await expect(store.open([users])).rejects.toMatchObject({ code: 'index_closed' })
    })

    it('aliases with a filter, with a routing, of several indices', async () => {
      await store.index('users-1', shared)
      await store.index('users-2', shared)
      const alias = (add: unknown) => store.call('POST', '/_aliases', { actions: [{ add }] })
      for (const [code, more] of [
        ['filtered_alias', { filter: { term: { user_id: 'u1' } } }],
        ['routed_alias', { routing: 'x' }],
      ] as const) {
        await alias({ index: 'users-1', alias: 'users', ...more })
        await expect(store.open([users])).rejects.toMatchObject({ code })
        await store.call('DELETE', '/users-1/_alias/users')
      }
      await alias({ index: 'users-*', alias: 'users' })
      await expect(store.open([users])).rejects.toMatchObject({ code: 'alias_of_many' })
    })

    it('another product than the map says', async () => {
      await store.index('users', shared)
      const flavour = server().name === 'opensearch3' ? 'elasticsearch' : 'opensearch'
      const opening = elasticsearch.open({
        systemId: 'search',
        options: elasticsearch.options.parse(
          `http://eraser:${store.gate.users.eraser}@127.0.0.1:${store.gate.port}`,
        ),
        system: elasticsearch.system.parse({ flavour, indices: [users] }),
        tenant: { column: 'tenant_id' },
        canonical: 'user_id',
      })
      await expect(opening).rejects.toMatchObject({ code: 'wrong_flavour' })
    })
  })

  it('erases through an alias of one index, but not where the index is another tenant’s as well', async () => {
    const mine = { name: '{tenant}_users', by: 'user_id', method: 'delete' }
    await store.index('people-v2', shared, { aliases: { acme_users: {} } })
    await store.put('people-v2', { user_id: 'u1' })
    expect(await store.erase([mine], passOf({ user_id: 'u1' }))).toMatchObject({ outcome: 'erased' })
    await store.put('people-v2', { user_id: 'u1' })
    await store.call('PUT', '/people-v2/_alias/globex_users')
    await expect(store.open([mine])).rejects.toMatchObject({ code: 'shared_alias' })
    expect(await store.docs('people-v2')).toHaveLength(1)
  })

  it('says not_found for a tenant without an index', async () => {
    await store.index('acme_users', shared)
    const mine = { name: '{tenant}_users', by: 'user_id', method: 'delete' }
    const outcome = await store.erase([mine], passOf({ user_id: 'u1' }, {}, 'globex'))
    expect(outcome).toMatchObject({ outcome: 'not_found', counts: { '{tenant}_users': sum } })
  })

  it('erases documents whatever they were routed by, also two of the same id', async () => {
    await store.index('users', shared, { settings: { number_of_shards: 5 } })
    const source = { tenant_id: 'acme', user_id: 'u1' }
    for (const routing of ['u1', 'elsewhere', 'x', 'y'])
      await store.put('users', source, { id: 'same', routing })
    await store.put('users', source)
    const before = (await store.docs('users')).length
    const routed = { ...users, routing: 'user_id' }
    const outcome = await store.erase([routed], passOf({ user_id: 'u1' }))
    expect(outcome).toMatchObject({ outcome: 'erased', counts: { users: { found: before, erased: before } } })
    expect(await store.docs('users')).toEqual([])
  })

  it('fails on a version conflict and repeats the true counts afterwards', async () => {
    await store.index('users', shared, { settings: { refresh_interval: -1 } })
    const source = { tenant_id: 'acme', user_id: 'u1' }
    await store.put('users', source, { id: '1' })
    await store.put('users', source, { id: '2' })
    let meddled = false
    store.gate.before = async (line) => {
      if (meddled || !/_delete_by_query|^POST \/_bulk/.test(line)) return
      meddled = true
      await store.put('users', { ...source, seen: 1 }, { id: '2', refresh: false })
    }
    const pass = passOf({ user_id: 'u1' })
    expect(await store.erase([users], pass)).toMatchObject({
      outcome: 'failed',
      errorCode: 'version_conflict',
      errorClass: 'retryable',
      counts: { users: { found: 2, erased: 1, failed: 1 } },
    })
    const again = await store.erase([users], pass)
    expect(again).toMatchObject({ outcome: 'erased', counts: { users: { found: 2, erased: 2, failed: 0 } } })
  })

  it('stops between two pages when the grant expires, and goes on with the true counts', async () => {
    await store.index('users', shared)
    const lines = Array.from({ length: 1_200 }, () => [{ index: {} }, { tenant_id: 'acme', user_id: 'u1' }])
    await store.call('POST', '/users/_bulk?refresh=true', lines.flat())
    const pass = passOf({ user_id: 'u1' })
    let changes = 0
    store.gate.before = async (line) => {
      if (/_delete_by_query|^POST \/_bulk/.test(line)) changes++
    }
    const now = () => (changes >= 1 ? pass.grant.expiresAt : Date.now())
    expect(await store.erase([users], pass, {}, { now })).toMatchObject({
      outcome: 'failed',
      errorCode: 'grant_expired',
      counts: { users: { found: 1_200, erased: 500, failed: 700 } },
    })
    expect(changes).toBe(1)
    const again = await store.erase([users], pass)
    expect(again).toMatchObject({ outcome: 'erased', counts: { users: { found: 1_200, erased: 1_200 } } })
  })

  it('redacts fields wherever they stand, and keeps everything else', async () => {
    await store.index('orders', { ...shared, total: { type: 'long' } })
    const source = {
      tenant_id: 'acme',
      user_id: 'u1',
      total: 7,
      ship: { to: 'Main Street', zip: 1 },
      lines: [{ name: 'Ada', sku: 1 }, { sku: 2 }],
    }
    await store.put('orders', source)
    const set = { user_id: null, 'ship.to': '[erased]', 'lines.name': { random: 'text' } }
    const orders = { name: 'orders', by: 'user_id', method: 'redact', set }
    const pass = passOf({ user_id: 'u1' })
    expect(await store.erase([orders], pass)).toMatchObject({
      outcome: 'redacted',
      counts: { orders: { found: 1, erased: 0, redacted: 1 } },
    })
    const lineList = [{ name: expect.stringMatching(/^[0-9a-f]{24}$/), sku: 1 }, { sku: 2 }]
    expect(await store.docs('orders')).toEqual([
      { ...source, user_id: null, ship: { to: '[erased]', zip: 1 }, lines: lineList },
    ])
  })

  it('takes a rejected item of a bulk request for a failure, and quotes nothing of it', async () => {
    await store.index('orders', { ...shared, born: { type: 'date' } })
    await store.put('orders', { tenant_id: 'acme', user_id: 'u-secret', born: '2000-01-01' })
    const orders = {
      name: 'orders',
      by: 'user_id',
      method: 'redact',
      set: { user_id: null, born: 'no date' },
    }
    const outcome = await store.erase([orders], passOf({ user_id: 'u-secret' }))
    expect(outcome).toMatchObject({
      outcome: 'failed',
      errorCode: 'replacement_invalid',
      errorClass: 'terminal',
      counts: { orders: { found: 1, redacted: 0, failed: 1 } },
    })
    expect(JSON.stringify(outcome)).not.toContain('u-secret')
  })

  it.each([
    { name: 'orders', by: 'user_id', method: 'delete' },
    { name: 'orders', by: 'user_id', method: 'redact', set: { user_id: null } },
  ])('fails only who has documents in an index that takes no writes: $method', async (orders) => {
    await store.index('users', shared)
    await store.index('orders', shared)
    for (const user_id of ['u1', 'u2', 'u3']) await store.put('users', { tenant_id: 'acme', user_id })
    const order = { tenant_id: 'acme', user_id: 'u2' }
    await store.put('orders', order)
    await store.call('PUT', '/orders/_settings', { 'index.blocks.write': true })
    const passes = ['u1', 'u2', 'u3'].map((user_id) => passOf({ user_id }))
    const session = await store.open([orders, users])
    const outcomes = await session.erase(passes, io())
    const done = { found: 1, erased: 1, failed: 0 }
    expect(outcomes).toMatchObject([
      { outcome: 'erased', counts: { users: done } },
      {
        outcome: 'failed',
        errorCode: 'blocked',
        errorClass: 'retryable',
        counts: { orders: { found: 1, erased: 0, redacted: 0, failed: 1 } },
      },
      { outcome: 'erased', counts: { users: done } },
    ])
    expect(await store.docs('orders')).toEqual([order])
    expect((await store.docs('users')).map(({ user_id }) => user_id).filter((one) => one !== 'u2')).toEqual(
      [],
    )
    await store.call('PUT', '/orders/_settings', { 'index.blocks.write': null })
    const [again] = await session.erase(passes.slice(1, 2), io())
    expect(again).toMatchObject({
      outcome: 'erased',
      counts: { users: done, orders: { found: 1, failed: 0 } },
    })
    expect(await store.docs('users')).toEqual([])
  })

  it('compares numbers as they are written, beyond 2^53 too', async () => {
    await store.index('users', { ...shared, user_id: { type: 'long' } })
    for (const id of ['7', '9007199254740993', '9007199254740992'])
      await store.put('users', { tenant_id: 'acme', user_id: id })
    for (const user_id of ['007', '7.0', '7e0', 'u7', '99999999999999999999'])
      expect(await store.erase([users], passOf({ user_id }))).toMatchObject({ outcome: 'not_found' })
    const outcome = await store.erase([users], passOf({ user_id: '9007199254740993' }))
    expect(outcome).toMatchObject({ counts: { users: { erased: 1 } } })
    const left = (await store.docs('users')).map(({ user_id }) => user_id).sort()
    expect(left).toEqual(['7', '9007199254740992'])
  })

  it('refuses an identifier that is longer than what the field indexes', async () => {
    await store.index('users', { ...shared, user_id: { type: 'keyword', ignore_above: 8 } })
    await store.put('users', { tenant_id: 'acme', user_id: 'u123456789' })
    const pass = passOf({ user_id: 'u123456789' })
    expect(await store.erase([users], pass)).toMatchObject({
      outcome: 'failed',
      errorCode: 'invalid_identifier',
    })
    expect(await store.probe([users], pass)).toMatchObject({ result: 'inconclusive' })
  })

  it('leaves to someone who came back what they made after the request', async () => {
    await store.index('mails', { tenant_id: keyword, email: keyword, at: { type: 'date' } })
    const pass = passOf({ email: 'a@example.test', user_id: 'u1' })
    const { receivedAt } = pass.subject
    for (const at of [receivedAt - 1_000, receivedAt + 1_000])
      await store.put('mails', { tenant_id: 'acme', email: 'A@Example.test', at })
    const mails = [{ name: 'mails', ...MAIL_AT, method: 'delete' }]
    expect(await store.erase(mails, pass)).toMatchObject({ counts: { mails: { erased: 1 } } })
    expect(await store.docs('mails')).toEqual([expect.objectContaining({ at: receivedAt + 1_000 })])
    expect(await store.probe(mails, pass)).toMatchObject({ result: 'clean', residual: { mails: 0 } })
  })

  it('does not go on, and does not say clean, while a shard is missing', async () => {
    await store.index('users', shared)
    await store.index('orders', shared, { settings: { 'index.routing.allocation.require._name': 'nobody' } })
    const both = [users, { ...users, name: 'orders' }]
    await store.put('users', { tenant_id: 'acme', user_id: 'u1' })
    const pass = passOf({ user_id: 'u1' })
    await expect(store.erase(both, pass)).rejects.toMatchObject({ errorClass: 'retryable' })
    expect(await store.docs('users')).toHaveLength(1)
    expect(await store.probe([users], pass)).toMatchObject({
      result: 'inconclusive',
      reasonCode: 'partial_shards',
    })
  })

  it('keeps receipts and a marker, and prunes what is old', async () => {
    await store.index('users', shared)
    const session = await store.open([users])
    expect(await session.receipts?.read([passOf({ user_id: 'u1' })])).toEqual([])
    expect(await session.receipts?.marker()).toEqual({ found: null, receipts: 0 })
    const pass = passOf({ user_id: 'u1' })
    await session.erase([pass], io())
    expect(await session.receipts?.marker()).toEqual({ found: null, receipts: 1 })
    await session.erase([passOf({ user_id: 'u2' })], io())
    expect(await session.receipts?.marker()).toEqual({ found: null, receipts: 2 })
    const { requestId, passId } = pass
    expect(await session.receipts?.read([pass])).toEqual([{ requestId, passId, body: expect.any(String) }])
    expect(await session.receipts?.prune(new Date(Date.now() - 60_000))).toBe(0)
    expect(await session.receipts?.prune(new Date(Date.now() + 60_000))).toBe(2)
    expect(await session.receipts?.read([pass])).toEqual([])
    expect((await session.receipts?.marker())?.receipts).toBe(2)
  })

  it('describes what is there and warns of personal fields it is not told of', async () => {
    await store.index('users', shared)
    await store.index('leads', { tenant_id: keyword, email: keyword })
    const { version, collections, findings } = await (await store.open([users])).describe()
    expect(version).toContain(server().version)
    expect(collections).toContainEqual({ name: 'users', fields: ['tenant_id', 'user_id'] })
    expect(findings).toEqual([
      expect.objectContaining({ level: 'warning', code: 'personal_unmapped', where: 'leads.email' }),
    ])
  })
}
