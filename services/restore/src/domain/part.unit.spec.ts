import { describe, expect, it } from 'vitest'
import { hasParts, partOf } from './part.js'

const shop = {
  systemId: 'shop-pg',
  kind: 'postgres',
  body: {
    elements: [
      { table: 'orders', by: 'user_id' },
      { table: 'orders', by: 'payer_id' },
      { table: 'users', by: 'id' },
    ],
    ignore: ['users.nick'],
  },
}

describe('a part of a store', () => {
  it('is everything the data map says of its tables, and nothing of others', () => {
    expect(partOf(shop, ['orders'])).toEqual({
      ok: true,
      body: { elements: shop.body.elements.slice(0, 2), ignore: ['users.nick'] },
    })
  })

  it('that the map does not have is refused by name, and so is one of a store without parts', () => {
    expect(partOf(shop, ['users', 'order'])).toEqual({ ok: false, unknown: ['order'] })
    expect(partOf({ systemId: 'cache', kind: 'redis', body: { keys: [] } }, ['users'])).toMatchObject({
      ok: false,
    })
    expect([hasParts('postgres'), hasParts('redis')]).toEqual([true, false])
  })

  it('of a search cluster is an index', () => {
    const body = { indices: [{ name: '{tenant}_users' }, { name: 'orders' }] }
    expect(partOf({ systemId: 'search', kind: 'elasticsearch', body }, ['orders'])).toEqual({
      ok: true,
      body: { indices: [{ name: 'orders' }] },
    })
  })
})
