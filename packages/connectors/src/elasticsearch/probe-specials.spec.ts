import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

const keyword = { type: 'keyword' }
const users = { name: 'users', by: 'user_id', method: 'delete' }
const shared = { tenant_id: keyword, user_id: keyword }

/** What the probe sees beyond the data map, and what it must not take for a person's. */
export function probeSpecials(server: () => SearchServer): void {
  let store: LoneStore
  beforeEach(async () => {
    store = await openLoneStore(server())
  })
  afterEach(() => store.close())

  describe('the probe', () => {
    it('sees indices and fields the map says nothing of', async () => {
      await store.index('users', { ...shared, ownerId: keyword })
      await store.index('audit', { tenant_id: keyword, actor: { properties: { id: keyword } } })
      await store.index('notes', { tenant_id: keyword, author: { type: 'text' } })
      await store.index('teams', {
        tenant_id: keyword,
        members: { type: 'nested', properties: { user_id: keyword } },
      })
      await store.put('users', { tenant_id: 'acme', ownerId: 'u1' })
      await store.put('audit', { tenant_id: 'acme', actor: { id: 'u1' } })
      await store.put('notes', { tenant_id: 'acme', author: 'u1' })
      await store.put('notes', { tenant_id: 'acme', author: 'u1 and u2' })
      await store.put('teams', { tenant_id: 'acme', members: [{ user_id: 'u2' }, { user_id: 'u1' }] })
      const pass = passOf({ user_id: 'u1' })
      const residual = { users: 1, audit: 1, notes: 1, teams: 1 }
      expect(await store.probe([users], pass)).toEqual({ result: 'residual', residual })
      const ignore = ['users.ownerId', 'audit.actor.id', 'notes.author', 'teams.members.user_id']
      expect(await store.probe([users], pass, { ignore })).toEqual({
        result: 'clean',
        residual: { users: 0 },
      })
    })

    it('does not take another tenant’s documents for theirs', async () => {
      const mine = { name: '{tenant}_users', by: 'user_id', method: 'delete' }
      for (const name of ['acme_users', 'globex_users', 'globex_log', 'acme_log', 'log'])
        await store.index(name, { user_id: keyword })
      await store.index('shared', shared)
      for (const name of ['globex_users', 'globex_log']) await store.put(name, { user_id: 'u1' })
      await store.put('shared', { tenant_id: 'globex', user_id: 'u1' })
      const pass = passOf({ user_id: 'u1' })
      const clean = { '{tenant}_users': 0, acme_log: 0, log: 0, shared: 0 }
      expect(await store.probe([mine], pass)).toEqual({ result: 'clean', residual: clean })
      for (const name of ['acme_log', 'log']) await store.put(name, { user_id: 'u1' })
      expect(await store.probe([mine], pass)).toMatchObject({ residual: { acme_log: 1, log: 1 } })
    })

    it('sees what was written a moment ago, and closed indices as what it can not see', async () => {
      await store.index('users', shared, { settings: { refresh_interval: -1 } })
      await store.put('users', { tenant_id: 'acme', user_id: 'u1' }, { refresh: false })
      const pass = passOf({ user_id: 'u1' })
      expect(await store.probe([users], pass)).toMatchObject({ result: 'residual', residual: { users: 1 } })
      await store.index('old', shared)
      await store.call('POST', '/old/_close')
      await store.call('GET', '/_cluster/health?wait_for_status=green&timeout=20s')
      expect(await store.probe([users], pass)).toMatchObject({
        result: 'inconclusive',
        reasonCode: 'index_closed',
      })
    })
  })
}
