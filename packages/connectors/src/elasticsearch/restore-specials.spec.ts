import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'
import { restoreShut } from './prepare.js'

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
  /** The index behind a name, which a gate may have made an alias. */
  const behind = async () => Object.keys(await store.call('GET', '/users'))[0] ?? ''
  /** Settings of the index as its operator sees them. */
  const settings = async () => {
    const answer = (await store.call('GET', '/users/_settings')) as Record<
      string,
      { settings: { index: Record<string, unknown> } }
    >
    const [{ settings: of } = { settings: { index: {} } }] = Object.values(answer)
    const { uuid, creation_date, provided_name, version, ...kept } = of.index
    return kept
  }
  const users = async () => (await store.docs('users')).map(({ user_id }) => user_id).sort()

  describe('a snapshot that is restored', () => {
    beforeEach(async () => {
      store = await openLoneStore(server())
      await store.index('users', { tenant_id: { type: 'keyword' }, user_id: { type: 'keyword' } })
      for (const user_id of ['u1', 'u2']) await store.put('users', { tenant_id: 'acme', user_id })
    })
    afterEach(async () => {
      await store.call('DELETE', '/_snapshot/lone/before').catch(() => undefined)
      const index = await behind().catch(() => 'users')
      if (index !== 'users') await store.call('DELETE', `/${index}`)
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

    it('has of an older map what is there: an index that is gone, or has no such field, is left out', async () => {
      const lost = { ...MAP[0], name: 'lost' }
      const renamed = { ...MAP[0], by: 'reader_id' }
      const tenants = { ...MAP[0], name: 'lost-{tenant}' }
      expect(await store.present([...MAP, lost, renamed, tenants])).toEqual([
        'users.user_id',
        'lost-{tenant}.user_id',
      ])
      expect(await store.present([lost, renamed])).toBeNull()
      // What is there and does not fit stays, to be refused.
      await store.call('POST', '/users/_close')
      expect(await store.present([...MAP, lost])).toEqual(['users.user_id'])
      await store.call('POST', '/users/_open')
      await expect(store.open([...MAP, lost])).rejects.toThrow(/lost does not exist: put it back, or/)
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

    it('is shut by blocks: refused by every name, erased from behind them, and opened with its names, settings and rights', async () => {
      const filter = { term: { user_id: 'u2' } }
      await store.call('PUT', '/users/_settings', { 'index.refresh_interval': '7s' })
      await store.call('POST', '/_aliases', {
        actions: [{ add: { index: 'users', alias: 'people', filter } }],
      })
      const before = await settings()
      const { gate } = await store.restoring(MAP)
      expect(await gate.state()).toBe('open')
      expect(await gate.prepared?.()).toBeNull()
      expect(await gate.shut()).toEqual({ strength: 'enforced', sessionsEnded: 0 })
      expect(await gate.state()).toBe('shut')
      for (const path of ['/users/_search', '/people/_search', '/users/_count', '/*/_search', '/_search'])
        await expect(store.call('GET', path)).rejects.toThrow(/403.*blocked/)
      await expect(store.put('users', { tenant_id: 'acme', user_id: 'u9' })).rejects.toThrow(/403.*blocked/)
      const pass = passOf({ user_id: 'u1' })
      expect(await store.probe(MAP, pass)).toMatchObject({ result: 'residual', residual: { users: 1 } })
      expect(await store.erase(MAP, pass)).toMatchObject({
        outcome: 'erased',
        counts: { users: { erased: 1 } },
      })
      expect(await gate.shut()).toEqual({ strength: 'enforced', sessionsEnded: 0 })
      expect(await store.probe(MAP, pass)).toMatchObject({ result: 'clean', residual: { users: 0 } })
      await gate.open([])
      await gate.open([])
      expect(await users()).toEqual(['u2'])
      expect((await store.docs('people')).map(({ user_id }) => user_id)).toEqual(['u2'])
      await store.put('users', { tenant_id: 'acme', user_id: 'u1' })
      expect((await store.docs('people')).map(({ user_id }) => user_id)).toEqual(['u2'])
      expect(await store.probe(MAP, pass)).toMatchObject({ result: 'residual' })
      const after = await settings()
      expect(after).toMatchObject(before)
      expect(after).not.toHaveProperty('blocks')
      expect(after).not.toHaveProperty('hidden')
      expect(await gate.state()).toBe('open')
      expect(await gate.prepared?.()).toBeNull()
    })

    it('that is closed stays shut when somebody opens it, and people are erased from it then', async () => {
      const { gate } = await store.restoring(MAP)
      await store.call('POST', '/users/_close')
      expect(await gate.state()).toBe('open')
      expect(await gate.shut()).toEqual({ strength: 'enforced', sessionsEnded: 0 })
      expect(await gate.state()).toBe('shut')
      expect(await gate.prepared?.()).toBeNull()
      await expect(store.open(MAP)).rejects.toThrow(/users is closed: open it, or/)
      await store.call('POST', '/users/_open')
      await expect(store.call('GET', '/users/_search')).rejects.toThrow(/403.*blocked/)
      expect(await gate.state()).toBe('open')
      await gate.shut()
      expect(await store.erase(MAP, passOf({ user_id: 'u1' }))).toMatchObject({ outcome: 'erased' })
      await gate.open([])
      expect(await users()).toEqual(['u2'])
      await store.call('POST', `/${await behind()}/_close`)
      await gate.shut()
      await gate.open([])
      await store.call('POST', `/${await behind()}/_open`)
      expect(await users()).toEqual(['u2'])
    })

    it('into a data stream is shut as well, and stays so, for nobody is erased from one', async (context) => {
      if (server().name !== 'opensearch3') context.skip('Elasticsearch runs here without its data streams.')
      const STREAM = [...MAP, { ...MAP[0], name: 'lone-logs' }]
      await store.call('PUT', '/_index_template/lone', {
        index_patterns: ['lone-*'],
        priority: 500,
        data_stream: {},
        template: { mappings: { properties: { user_id: { type: 'keyword' } } } },
      })
      try {
        await store.call('POST', '/lone-logs/_doc?refresh=true', { '@timestamp': Date.now(), user_id: 'u1' })
        const { gate } = await store.restoring(STREAM)
        await gate.shut()
        expect(await gate.state()).toBe('shut')
        expect(await gate.prepared?.()).toBeNull()
        await expect(store.call('GET', '/lone-logs/_search')).rejects.toThrow(/403.*blocked/)
        await expect(store.open(STREAM)).rejects.toThrow(
          /lone-logs is a data stream, .* take it out of the map/,
        )
        await gate.open([])
        expect(await store.docs('lone-logs')).toMatchObject([{ user_id: 'u1' }])
      } finally {
        await store.call('DELETE', '/_data_stream/lone-*')
        await store.call('DELETE', '/_index_template/lone')
      }
    })

    it('with blocks set in the restore call was shut before anybody was in it, Lethe’s own index aside', async () => {
      const session = await store.restoring(MAP)
      const { gate } = session
      await session.marker.replace(null, 'one')
      await backUp('users,lethe-receipts')
      const url = `http://127.0.0.1:${server().port}`
      const given = { url, repository: 'lone', snapshot: 'before' }
      await expect(restoreShut(given)).rejects.toMatchObject({ code: 'still_there' })
      for (const index of ['users', 'lethe-receipts']) await store.call('DELETE', `/${index}`)
      await restoreShut({ ...given, dryRun: true })
      await expect(store.call('GET', '/users')).rejects.toThrow(/404/)
      expect(await restoreShut(given)).toMatchObject({ indices: ['lethe-receipts', 'users'], warnings: [] })
      await expect(store.call('GET', '/users/_count')).rejects.toThrow(/403.*blocked/)
      // Until its shards are there nobody can tell.
      await expect
        .poll(() => gate.prepared?.().catch((error: { code: string }) => error.code), { timeout: 30_000 })
        .toMatchObject({ way: 'first_start', state: 'shut' })
      await expect
        .poll(
          () =>
            session.marker.read().then(
              ({ found }) => found,
              () => null,
            ),
          { timeout: 30_000 },
        )
        .toBe('one')
      await gate.shut()
      expect(await gate.prepared?.()).toBeNull()
      await expect(store.call('GET', '/users/_count')).rejects.toThrow(/403.*blocked/)
      await gate.open([])
      expect(await users()).toEqual(['u1', 'u2'])
    })

    it('whose blocks somebody lifted, or that came in once more, is erased from another copy', async () => {
      const { gate } = await store.restoring(MAP)
      await backUp('users')
      await gate.shut()
      const pass = passOf({ user_id: 'u1' })
      await store.erase(MAP, pass)
      await store.call('PUT', '/users/_settings', { 'index.blocks.read': null, 'index.blocks.write': null })
      await store.put('users', { tenant_id: 'acme', user_id: 'u3' })
      expect(await gate.state()).toBe('open')
      // The copy has no u3: taking the place of the index it would lose who was written into it.
      await expect(gate.open([])).rejects.toMatchObject({ code: 'opened_by_hand' })
      expect(await users()).toEqual(['u1', 'u2', 'u3'])
      await gate.shut()
      expect(await store.probe(MAP, pass)).toMatchObject({ result: 'residual' })
      await store.call('DELETE', '/users')
      await store.call('POST', '/_snapshot/lone/before/_restore?wait_for_completion=true', {
        indices: 'users',
        index_settings: { 'index.blocks.read': true, 'index.blocks.write': true },
      })
      expect(await gate.state()).toBe('open')
      await expect(gate.open([])).rejects.toMatchObject({ code: 'opened_by_hand' })
      await gate.shut()
      expect(await gate.state()).toBe('shut')
      await gate.open([])
      expect(await users()).toEqual(['u1', 'u2'])
      await store.call('DELETE', `/${await behind()}`)
      await expect(gate.shut()).rejects.toMatchObject({ code: 'missing_index' })
    })
  })
}
