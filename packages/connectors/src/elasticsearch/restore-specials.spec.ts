import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

const MAP = [{ name: 'users', by: 'user_id', method: 'delete' }]

/** What a cluster shows of a snapshot that was restored into it. */
export function restoreSpecials(server: () => SearchServer): void {
  let store: LoneStore

  const backUp = async (indices: string) => {
    await store.call('PUT', '/_snapshot/lone', { type: 'fs', settings: { location: 'lone' } })
    await store.call('DELETE', '/_snapshot/lone/before').catch(() => undefined)
    await store.call('PUT', '/_snapshot/lone/before?wait_for_completion=true', {
      indices,
      include_global_state: false,
    })
  }
  const restore = (indices: string) =>
    store.call('POST', '/_snapshot/lone/before/_restore?wait_for_completion=true', { indices })
  const users = async () => (await store.docs('users')).map(({ user_id }) => user_id).sort()

  describe('a snapshot that is restored', () => {
    beforeEach(async () => {
      store = await openLoneStore(server())
      await store.index('users', { tenant_id: { type: 'keyword' }, user_id: { type: 'keyword' } })
      for (const user_id of ['u1', 'u2']) await store.put('users', { tenant_id: 'acme', user_id })
    })
    afterEach(async () => {
      await store.call('DELETE', '/_snapshot/lone/before').catch(() => undefined)
      await store.close()
    })

    it.each(['deleted', 'closed'])(
      'into a %s index of the map alone gives the store another identity, with the right marker',
      async (how) => {
        const session = await store.restoring(MAP)
        expect(await session.marker.read()).toEqual({ found: null, receipts: 0 })
        expect(await session.marker.replace(null, 'one')).toBe(true)
        await backUp('users')
        const before = await session.identity()
        const pass = passOf({ user_id: 'u1' })
        expect(await store.erase(MAP, pass)).toMatchObject({ outcome: 'erased' })
        await store.put('users', { tenant_id: 'acme', user_id: 'u3' })
        expect(await session.identity()).toBe(before)
        await store.call(
          how === 'deleted' ? 'DELETE' : 'POST',
          how === 'deleted' ? '/users' : '/users/_close',
        )
        await restore('users')
        expect(await users()).toEqual(['u1', 'u2'])
        expect(await session.identity()).not.toBe(before)
        expect((await session.marker.read()).found).toBe('one')
        expect(await store.probe(MAP, pass)).toMatchObject({ result: 'residual' })
      },
    )

    it('with Lethe’s own index in it brings back an old marker and fewer receipts', async () => {
      const session = await store.restoring(MAP)
      await session.marker.replace(null, 'one')
      await backUp('users,lethe-receipts')
      await store.erase(MAP, passOf({ user_id: 'u1' }))
      expect(await session.marker.replace('wrong', 'two')).toBe(false)
      expect(await session.marker.replace('one', 'two')).toBe(true)
      const { receipts } = await session.marker.read()
      for (const index of ['users', 'lethe-receipts']) await store.call('DELETE', `/${index}`)
      await restore('users,lethe-receipts')
      const found = await session.marker.read()
      expect(found.found).toBe('one')
      expect(found.receipts).toBeLessThan(receipts)
    })

    it('may leave a shard away: then nobody says which copy it is', async () => {
      const session = await store.restoring(MAP)
      await store.index(
        'elsewhere',
        { user_id: { type: 'keyword' } },
        {
          settings: { 'index.routing.allocation.require.box': 'none' },
        },
      )
      const other = await store.restoring([{ ...MAP[0], name: 'elsewhere' }])
      await expect(other.identity()).rejects.toMatchObject({ code: 'partial_shards' })
      expect(await session.identity()).toEqual(expect.any(String))
    })

    it('keeps nobody out: the gate is only advice, and says so', async () => {
      const { gate } = await store.restoring(MAP)
      expect(await gate.shut()).toEqual({ strength: 'advisory', sessionsEnded: 0 })
      expect(await gate.state()).toBe('open')
    })
  })
}
