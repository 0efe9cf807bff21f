import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { io, type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

const keyword = { type: 'keyword' }
const date = { type: 'date' }
const shared = { tenant_id: keyword, user_id: keyword }
const retain = { ground: '17(3)(b)', citation: 'tax law', until: 'P7Y from at' }
const orders = { name: 'orders', by: 'user_id', method: 'retain', category: 'orders', retain }
const acme = (user_id: string, more = {}) => ({ tenant_id: 'acme', user_id, ...more })
const years = (count: number) => {
  const at = new Date()
  at.setUTCFullYear(at.getUTCFullYear() + count)
  return at.toISOString()
}

/** What a law keeps, and what several people share. */
export function contentSpecials(server: () => SearchServer): void {
  let store: LoneStore
  beforeEach(async () => {
    store = await openLoneStore(server())
  })
  afterEach(() => store.close())

  describe('what a law keeps', () => {
    it('stays whole with its ground and date, goes when its time is over, and the probe agrees', async () => {
      await store.index('orders', { ...shared, at: date, email: keyword })
      for (const at of [years(-8), years(-6), years(-1)])
        await store.put('orders', acme('u1', { at, email: 'a@example.test' }))
      await store.put('orders', acme('u2', { at: years(-8) }))
      const map = [orders]
      const pass = passOf({ user_id: 'u1', email: 'a@example.test' })
      expect(await (await store.open(map)).preview([pass.subject])).toMatchObject([{ orders: { found: 3 } }])
      const first = await store.erase(map, pass)
      const part = { category: 'orders', ground: retain.ground, citation: retain.citation }
      expect(first).toMatchObject({
        outcome: 'retained',
        counts: { orders: { found: 3, erased: 1, retained: 2, redacted: 0, failed: 0 } },
        retained: [{ ...part, until: expect.any(Number) }],
      })
      expect(await store.probe(map, pass)).toMatchObject({ result: 'clean', residual: { orders: 0 } })
      expect(await store.erase(map, pass)).toEqual(first)

      const until = first.retained?.[0]?.until ?? 0
      expect(Math.abs(until - Date.parse(years(6)))).toBeLessThan(3 * 86_400_000)
      const grant = { grantId: 'later', expiresAt: until + 30_000 }
      const early = { ...pass, passId: 'search#1/resume-1', grant }
      const before = () => until - 4 * 86_400_000
      expect(await store.erase(map, early, {}, { now: before })).toMatchObject({
        outcome: 'retained',
        counts: { orders: { found: 2, erased: 1, retained: 1 } },
      })
      const last = { ...pass, passId: 'search#1/resume-2', grant }
      expect(await store.erase(map, last, {}, { now: () => until })).toMatchObject({
        outcome: 'erased',
        counts: { orders: { found: 1, erased: 1, retained: 0 } },
      })
      expect(await store.docs('orders')).toEqual([expect.objectContaining({ user_id: 'u2' })])
    })

    it('is residue to the probe once its time is over, or where another than its owner is named', async () => {
      await store.index('orders', { ...shared, at: date, referrer: { properties: { user_id: keyword } } })
      const pass = passOf({ user_id: 'u1' })
      await store.put('orders', acme('u1', { at: years(-6) }))
      expect(await store.probe([orders], pass)).toEqual({ result: 'clean', residual: { orders: 0 } })
      await store.put('orders', acme('u1', { at: years(-8) }))
      expect(await store.probe([orders], pass)).toMatchObject({ result: 'residual', residual: { orders: 1 } })
      await store.put('orders', acme('u2', { at: years(-6), referrer: { user_id: 'u1' } }))
      expect(await store.probe([orders], pass)).toMatchObject({ residual: { orders: 2 } })
      const ended = { ...orders, retain: { ...retain, until: '2020-01-01' } }
      expect(await store.probe([ended], pass)).toMatchObject({ residual: { orders: 3 } })
    })

    it('stays without an end where no date is given or a document lacks its date', async () => {
      await store.index('orders', { ...shared, at: date })
      await store.put('orders', acme('u1'))
      const map = [orders]
      const kept = { outcome: 'retained', counts: { orders: { found: 1, retained: 1 } } }
      const pass = passOf({ user_id: 'u1' })
      expect(await store.erase(map, pass)).toMatchObject({ ...kept, retained: [{ until: null }] })
      expect(await store.probe(map, pass)).toMatchObject({ result: 'clean' })
      const forever = [{ ...orders, retain: { ground: 'g', citation: 'c' } }]
      const other = passOf({ user_id: 'u1' })
      expect(await store.erase(forever, other)).toMatchObject({ ...kept, retained: [{ until: null }] })
    })

    it('is neither deleted nor redacted by another way that leads to it, and counts once', async () => {
      await store.index('orders', { ...shared, at: date, payer: keyword, buyer: keyword })
      for (const at of [years(-6), years(-8)])
        await store.put('orders', acme('u1', { at, payer: 'u1', buyer: 'u1' }))
      const map = [
        orders,
        { name: 'orders', by: 'payer', method: 'delete' },
        { name: 'orders', by: 'buyer', method: 'redact', set: { buyer: null } },
      ]
      expect(await store.erase(map, passOf({ user_id: 'u1' }))).toMatchObject({
        outcome: 'retained',
        counts: { orders: { found: 2, erased: 1, redacted: 0, retained: 1, failed: 0 } },
      })
      expect(await store.docs('orders')).toEqual([expect.objectContaining({ payer: 'u1', buyer: 'u1' })])
    })

    it('is kept apart for two people of one batch, and touches no ceiling', async () => {
      await store.index('orders', { ...shared, at: date })
      for (const [user, at] of [
        ['u1', -6],
        ['u1', -1],
        ['u2', -2],
        ['u2', -8],
      ] as const)
        await store.put('orders', acme(user, { at: years(at) }))
      const session = await store.open([orders], { ceiling: 1 })
      const passes = [passOf({ user_id: 'u1' }), passOf({ user_id: 'u2' })]
      const outcomes = await session.erase(passes, io())
      expect(outcomes.map(({ counts }) => counts.orders)).toMatchObject([
        { found: 2, retained: 2, erased: 0 },
        { found: 2, retained: 1, erased: 1 },
      ])
      expect(outcomes.every(({ outcome }) => outcome === 'retained')).toBe(true)
      const [one, two] = outcomes.map(({ retained }) => retained?.[0]?.until ?? 0)
      expect(one).toBeGreaterThan(two ?? 0)
    })

    it('can not be counted from a field that is no date', async () => {
      await store.index('orders', { ...shared, at: keyword })
      await expect(store.open([orders])).rejects.toMatchObject({ code: 'until_not_date' })
    })
  })

  describe('what several people share', () => {
    const teams = { name: 'teams', by: 'members.id', method: 'redact', pull: 'members' }
    const members = { properties: { id: keyword, name: keyword } }
    const [ada, bob] = [
      { id: 'u1', name: 'Ada' },
      { id: 'u10', name: 'Bob' },
    ]

    it('loses one person and keeps the others, two of one batch and single values included', async () => {
      await store.index('teams', { tenant_id: keyword, members })
      await store.index('tags', { tenant_id: keyword, likes: { type: 'long' } })
      await store.put('teams', { tenant_id: 'acme', title: 'x', members: [ada, bob, { ...ada, name: 'A.' }] })
      await store.put('teams', { tenant_id: 'acme', members: ada })
      await store.put('teams', { tenant_id: 'globex', members: [ada] })
      const pass = passOf({ user_id: 'u1' })
      expect(await store.erase([teams], pass)).toMatchObject({
        outcome: 'redacted',
        counts: { teams: { found: 2, redacted: 2, failed: 0 } },
      })
      const left = (await store.docs('teams')).map((doc) => doc.members)
      expect(left).toHaveLength(3)
      expect(left).toEqual(expect.arrayContaining([[bob], [ada], null]))
      expect(await store.probe([teams], pass)).toMatchObject({ result: 'clean' })

      await store.put('tags', { tenant_id: 'acme', likes: [7, 70, 8, 7] })
      const tags = { name: 'tags', by: 'likes', method: 'redact', pull: 'likes' }
      const session = await store.open([tags])
      const both = await session.erase([passOf({ user_id: '7' }), passOf({ user_id: '8' })], io())
      expect(both).toMatchObject([{ outcome: 'redacted' }, { outcome: 'redacted' }])
      expect(await store.docs('tags')).toEqual([{ tenant_id: 'acme', likes: [70] }])
    })

    it('is not overwritten by set:, which would take the others out as well', async () => {
      await store.index('teams', { tenant_id: keyword, members })
      await store.put('teams', { tenant_id: 'acme', members: [ada, bob] })
      const set = { 'members.id': null, 'members.name': null }
      const replaced = { name: 'teams', by: 'members.id', method: 'redact', set }
      expect(await store.erase([replaced], passOf({ user_id: 'u1' }))).toMatchObject({
        outcome: 'failed',
        errorCode: 'shared_list',
        errorClass: 'terminal',
        counts: { teams: { found: 1, redacted: 0, failed: 1 } },
      })
      expect(await store.docs('teams')).toEqual([{ tenant_id: 'acme', members: [ada, bob] }])
    })
  })

  it('replaces with values of each type and with fresh random ones, at any depth of a document', async () => {
    await store.index('events', {
      ...shared,
      code: keyword,
      amount: { type: 'long' },
      at: date,
      seen: { type: 'boolean' },
      properties: { type: 'object', enabled: false },
    })
    const properties = { email: 'a@x', device: { ip: '10.0.0.1', os: 'z' }, items: [{ note: 'n', sku: 1 }] }
    for (const code of ['a', 'b'])
      await store.put('events', acme('u1', { code, amount: 5, at: 0, seen: true, properties }))
    const set = {
      user_id: { random: 'uuid' },
      code: { random: 'text' },
      amount: { random: 'int' },
      at: '1970-01-01',
      seen: false,
      'properties.email': { random: 'email' },
      'properties.device.ip': null,
      'properties.items.note': '[erased]',
    }
    const events = { name: 'events', by: 'user_id', method: 'redact', set }
    expect(await store.erase([events], passOf({ user_id: 'u1' }))).toMatchObject({ outcome: 'redacted' })
    const docs = await store.docs('events')
    expect(docs).toEqual(
      Array.from({ length: 2 }, () => ({
        tenant_id: 'acme',
        user_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        code: expect.stringMatching(/^[0-9a-f]{24}$/),
        amount: expect.any(Number),
        at: '1970-01-01',
        seen: false,
        properties: {
          email: expect.stringMatching(/@erased\.invalid$/),
          device: { ip: null, os: 'z' },
          items: [{ note: '[erased]', sku: 1 }],
        },
      })),
    )
    for (const field of ['user_id', 'code', 'amount'])
      expect(docs[0]?.[field], field).not.toEqual(docs[1]?.[field])
  })
}
