import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

const keyword = { type: 'keyword' }
const shared = { tenant_id: keyword, email: keyword }
const EMAIL = 'ada@example.com'
const pass = (undated?: 'leave' | 'take') => passOf({ email: EMAIL }, undated ? { undated } : {})

/** Documents of which nobody can say whether they are of before the request. */
export function undatedSpecials(server: () => SearchServer): void {
  let store: LoneStore
  beforeEach(async () => {
    store = await openLoneStore(server())
  })
  afterEach(() => store.close())
  const left = async () => (await store.docs('news')).map(({ n }) => n).toSorted()

  describe('documents that only an e-mail leads to', () => {
    const dated = { name: 'news', by: 'email', identifier: 'email', method: 'delete', createdAt: 'at' }
    const { createdAt: _none, ...bare } = dated
    beforeEach(async () => {
      await store.index('news', { ...shared, at: { type: 'date' }, n: keyword })
      const of = { tenant_id: 'acme', email: EMAIL }
      await store.put('news', { ...of, at: '2020-01-01', n: 'old' })
      await store.put('news', { ...of, at: '2999-01-01', n: 'new' })
      await store.put('news', { ...of, n: 'unknown' })
    })

    it('are told by their creation field, and left where it is empty until somebody decides', async () => {
      expect(await store.probe([dated], pass())).toEqual({
        result: 'residual',
        residual: { news: 2 },
        undated: { news: 1 },
      })
      expect(await store.erase([dated], pass('leave'))).toMatchObject({ outcome: 'erased' })
      expect(await left()).toEqual(['new', 'unknown'])
      expect(await store.erase([dated], pass('take'))).toMatchObject({ outcome: 'erased' })
      expect(await left()).toEqual(['new'])
    })

    it('are left where the map names no such field, and all go when somebody decides so', async () => {
      expect(await store.probe([bare], pass())).toMatchObject({
        residual: { news: 3 },
        undated: { news: 3 },
      })
      expect(await store.erase([bare], pass('leave'))).toMatchObject({ outcome: 'not_found' })
      expect(await left()).toEqual(['new', 'old', 'unknown'])
      await store.erase([bare], pass('take'))
      expect(await left()).toEqual([])
    })

    it('are certain where an id leads to them as well', async () => {
      await store.index('users', { ...shared, user_id: keyword })
      await store.put('users', { tenant_id: 'acme', email: EMAIL, user_id: 'u1' })
      await store.put('users', { tenant_id: 'acme', email: EMAIL, user_id: 'u900' })
      const users = { name: 'users', by: 'user_id', method: 'delete' }
      const both = passOf({ user_id: 'u1', email: EMAIL })
      expect(await store.probe([users, bare], both)).toMatchObject({
        residual: { users: 2, news: 3 },
        undated: { users: 1, news: 3 },
      })
    })
  })
}
