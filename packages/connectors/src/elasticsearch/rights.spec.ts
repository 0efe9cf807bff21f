import { randomBytes } from 'node:crypto'
import { installSearchServer, startSearchServer } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { grantsFor } from './grants.js'
import { elasticsearch } from './index.js'
import { io, passOf } from './lone-store.spec.js'
import { rest } from './search-backdoor.spec.js'
import { jobsOf } from './targets.js'

const system = elasticsearch.system.parse({
  indices: [
    { name: '{tenant}_users', by: 'user_id', method: 'delete' },
    { name: 'orders', by: 'user_id', method: 'redact', set: { user_id: null } },
  ],
})
const keyword = { type: 'keyword' }

/** The printed grants, tried on a server with users. */
export async function rights(): Promise<void> {
  const installed = await installSearchServer('elasticsearch9').catch((error: Error) => error)
  describe('on a server that asks for passwords', () => {
    if (installed instanceof Error) {
      test('elasticsearch9 can be had', (context) => context.skip(installed.message))
      return
    }
    const password = randomBytes(9).toString('hex')
    const superuser = { name: 'admin', password, role: 'superuser' }
    let server: Awaited<ReturnType<typeof startSearchServer>>
    let call: ReturnType<typeof rest>

    const contextOf = (user: string, secret = password) => ({
      systemId: 'search',
      options: elasticsearch.options.parse(`http://${user}:${secret}@127.0.0.1:${server.port}`),
      system,
      tenant: { column: 'tenant_id' } as const,
      canonical: 'user_id' as const,
      ceiling: null,
    })
    /** The roles as `map check` prints them, and one with field-level security. */
    const printed = Object.values(grantsFor('elasticsearch', jobsOf(system))).flat()
    const blinkered = [{ names: ['*'], privileges: ['read'], field_security: { grant: ['user_id'] } }]
    const roles = {
      ...Object.fromEntries(
        printed.map((statement: string) => {
          const [, role, body] = /^PUT \/_security\/role\/(\w+) (.*)$/.exec(statement) ?? []
          return [role, JSON.parse(body ?? '')]
        }),
      ),
      // What the README of this connector names for the restore service, and an application beside it.
      replay: {
        cluster: ['monitor'],
        indices: [
          { names: ['*'], privileges: ['read', 'view_index_metadata', 'maintenance', 'monitor'] },
          {
            names: ['*_users', 'orders', '*.restored-*', 'lethe-behind-*', 'lethe-made-of-*'],
            privileges: ['manage', 'write'],
          },
          { names: ['lethe-receipts'], privileges: ['manage', 'write'] },
        ],
      },
      app: { cluster: [], indices: [{ names: ['*_users', 'orders'], privileges: ['read', 'write'] }] },
      blinkered: { cluster: ['monitor'], indices: blinkered },
    }
    const users = ['eraser', 'probe', 'blinkered', 'replay', 'app'].map((name) => ({
      name,
      password,
      role: name,
    }))

    beforeAll(async () => {
      server = await startSearchServer(installed, { users: [superuser, ...users], roles })
      call = rest(server.port, superuser)
      await call('PUT', '/acme_users', { mappings: { properties: { user_id: keyword } } })
      await call('PUT', '/orders', { mappings: { properties: { tenant_id: keyword, user_id: keyword } } })
      await call('PUT', '/audit', { mappings: { properties: { tenant_id: keyword, user_id: keyword } } })
    }, 240_000)
    afterAll(async () => {
      await server?.stop()
    })

    it('the printed grants are enough to erase, redact, preview, keep receipts and probe', async () => {
      await call('PUT', '/acme_users/_doc/1?refresh=true', { user_id: 'u1' })
      await call('PUT', '/orders/_doc/1?refresh=true', { tenant_id: 'acme', user_id: 'u1' })
      const session = await elasticsearch.open(contextOf('eraser'))
      const pass = passOf({ user_id: 'u1' })
      expect(await session.preview([pass.subject])).toMatchObject([{ orders: { found: 1 } }])
      const [outcome] = await session.erase([pass], io())
      expect(outcome).toMatchObject({ outcome: 'erased', counts: { orders: { redacted: 1 } } })
      expect(await session.receipts?.read([pass])).toHaveLength(1)
      expect(await session.receipts?.marker()).toEqual({ found: null, receipts: 1 })
      expect(await session.receipts?.prune(new Date(Date.now() + 1_000))).toBe(1)
      expect((await session.describe()).findings).toEqual([])
      await session.close()
      await call('PUT', '/audit/_doc/1?refresh=true', { tenant_id: 'acme', user_id: 'u1' })
      const probe = await elasticsearch.openProbe(contextOf('probe'))
      expect(await probe.probe([pass.subject])).toMatchObject([
        { result: 'residual', residual: { audit: 1 } },
      ])
      await probe.close()
    })

    it('and no more than that: the eraser reaches no other index, the probe changes nothing', async () => {
      await call('PUT', '/acme_users/_doc/2?refresh=true', { user_id: 'u2' })
      const session = await elasticsearch.open(contextOf('probe'))
      const erasing = session.erase([passOf({ user_id: 'u2' })], io())
      await expect(erasing).rejects.toMatchObject({ code: 'missing_rights', errorClass: 'paused' })
      await session.close()
      expect(await call('GET', '/acme_users/_count')).toMatchObject({ count: 1 })
      const other = elasticsearch.system.parse({
        indices: [{ name: 'audit', by: 'user_id', method: 'delete' }],
      })
      const opening = elasticsearch.open({ ...contextOf('eraser'), system: other })
      await expect(opening).rejects.toMatchObject({ errorClass: expect.stringMatching(/paused|terminal/) })
    })

    it('an application is kept out of what a gate shuts, and of the copy behind it, until it opens', async () => {
      await call('PUT', '/acme_users/_doc/3?refresh=true', { user_id: 'u3' })
      const session = await elasticsearch.openRestore?.(contextOf('replay'))
      const app = rest(server.port, { name: 'app', password })
      expect(await app('GET', '/acme_users/_search')).toMatchObject({ timed_out: false })
      expect(await session?.gate.shut()).toEqual({ strength: 'enforced', sessionsEnded: 0 })
      await expect(app('GET', '/acme_users/_search')).rejects.toThrow(/403.*blocked/)
      const copies = Object.keys(await call('GET', '/lethe-behind-*?expand_wildcards=all'))
      expect(copies).toHaveLength(2)
      for (const copy of copies) {
        await expect(app('GET', `/${copy}/_search`)).rejects.toThrow(/403.*unauthorized/)
        expect(await call('GET', `/${copy}/_count`)).toMatchObject({ count: expect.any(Number) })
      }
      const erasing = await elasticsearch.open(contextOf('replay'))
      const pass = passOf({ user_id: 'u3' })
      expect(await erasing.erase([pass], io())).toMatchObject([{ outcome: 'erased' }])
      await erasing.close()
      const probe = await elasticsearch.openProbe(contextOf('replay'))
      expect(await probe.probe([pass.subject])).toMatchObject([{ result: 'clean' }])
      await probe.close()
      await session?.gate.open([])
      expect(await session?.gate.state()).toBe('open')
      await session?.close()
      expect(await app('GET', '/acme_users/_count?q=user_id:u3')).toMatchObject({ count: 0 })
    })

    it('wrong passwords and filtered views stop the opening', async () => {
      await expect(elasticsearch.open(contextOf('eraser', 'wrong'))).rejects.toMatchObject({
        code: 'access_refused',
        errorClass: 'paused',
      })
      await expect(elasticsearch.openProbe(contextOf('blinkered'))).rejects.toMatchObject({
        code: 'filtered_view',
        errorClass: 'paused',
      })
    })
  })
}
