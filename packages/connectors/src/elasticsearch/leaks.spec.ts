import { inspect } from 'node:util'
import { Client } from '@elastic/elasticsearch'
import { newCanary, search, shownBy } from '@lethe/eraser-kit/conformance'
import type { SearchServer } from '@lethe/infra'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { io, type LoneStore, openLoneStore, passOf } from './lone-store.spec.js'

const canary = newCanary()
const user = `u-${canary.word}-${canary.digits}`
const keyword = { type: 'keyword' }
const source = { tenant_id: 'acme', user_id: user, born: '2000-01-01' }
const orders = { name: 'orders', by: 'user_id', method: 'redact', set: { user_id: null, born: 'no date' } }
const users = { ...orders, method: 'delete', set: undefined }

const hits = (text: string) => search(Buffer.from(text), canary)

/** What a search server says of a person stays inside the connector; the ids of documents are the person's too. */
export function leaks(server: () => SearchServer): void {
  describe('what it says of a person stays inside the connector', () => {
    let store: LoneStore
    beforeEach(async () => {
      store = await openLoneStore(server())
      const born = { type: 'date' }
      await store.index('orders', { tenant_id: keyword, user_id: keyword, born })
      await store.put('orders', source, { id: user })
    })
    afterEach(() => store.close())

    it('a value that does not parse, in an item of a bulk request', async () => {
      // The control: the server's own text names the document, which is named after the person.
      const raw = await store
        .call('PUT', `/orders/_doc/${user}`, { born: user })
        .catch((error: Error) => error.message)
      expect(hits(String(raw))).not.toEqual([])
      const shown = await shownBy(async () => [await store.erase([orders], passOf({ user_id: user }))])
      expect(shown.failed).toBe(true)
      expect(shown.text).toContain('replacement_invalid')
      expect(hits(shown.text)).toEqual([])
    })

    it.each([
      ['by query or sequence', users],
      ['in a bulk request', { ...orders, set: { user_id: null } }],
    ])('a version conflict, %s', async (_how, element) => {
      const raw = await store
        .call('PUT', `/orders/_doc/${user}?op_type=create`, source)
        .catch((error: Error) => error.message)
      expect(hits(String(raw))).not.toEqual([])
      let meddled = false
      store.gate.before = async (line) => {
        if (meddled || !/_delete_by_query|^POST \/_bulk/.test(line)) return
        meddled = true
        await store.put('orders', { ...source, seen: 1 }, { id: user, refresh: false })
      }
      const shown = await shownBy(async () => [await store.erase([element], passOf({ user_id: user }))])
      expect(shown.failed).toBe(true)
      expect(shown.text).toContain('version_conflict')
      expect(hits(shown.text)).toEqual([])
    })

    it.each(['answers', 'refusals'])('texts in %s of every call', async (how) => {
      const reason = `failed to parse [${user}], document [${user}]`
      const type = 'document_parsing_exception'
      const cause = { type, reason, caused_by: { type, reason }, index: user }
      const error = { ...cause, root_cause: [cause], failed_shards: [{ reason: cause }] }
      const session = await store.open([users])
      const probing = () => store.probe([users], passOf({ user_id: user }))
      const one = passOf({ user_id: user })
      store.gate.instead = async (_line, answer) =>
        how === 'refusals'
          ? { error, status: 400 }
          : { ...answer, ...Object.fromEntries(Object.keys(answer).map((key) => [key, [user, { error }]])) }
      if (server().name !== 'opensearch3') {
        const client = new Client({
          node: `http://eraser:${store.gate.users.eraser}@127.0.0.1:${store.gate.port}`,
        })
        const raw: unknown = await client.transport
          .request(
            { method: 'POST', path: '/orders/_search', body: { query: { term: { user_id: user } } } },
            { meta: true },
          )
          .catch((thrown: unknown) => thrown)
        expect(hits(inspect(raw, { depth: 12 }))).not.toEqual([])
        await client.close()
      }
      const calls: Record<string, () => Promise<unknown>> = {
        preview: () => session.preview([one.subject]),
        erase: () => session.erase([one], io()),
        probe: probing,
        'receipts.read': () => session.receipts?.read([one]) ?? Promise.reject(new Error('no receipts')),
        describe: () => session.describe(),
        open: () => store.open([users]),
      }
      for (const [call, work] of Object.entries(calls)) {
        const shown = await shownBy(work)
        expect({ call, failed: shown.failed, hits: hits(shown.text) }).toEqual({
          call,
          failed: true,
          hits: [],
        })
      }
    })
  })
}
