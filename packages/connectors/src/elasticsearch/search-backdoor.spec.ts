import { createHash, randomUUID } from 'node:crypto'
import type { Backdoor, Person, Tally } from '@lethe/eraser-kit/conformance'
import type { SearchServer } from '@lethe/infra'
import { openGatekeeper } from './gatekeeper.spec.js'
import { type ElasticsearchSystem, elasticsearchSystem } from './grammar.js'
import type { ElasticsearchOptions } from './options.js'

const USERS = '{tenant}_users'
const MESSAGES = 'messages'
const NEWSLETTER = 'newsletter'

/** Plain HTTP, no client of a vendor; throws what the server says. */
export function rest(port: number, user?: { readonly name: string; readonly password: string }) {
  const credentials = user && Buffer.from(`${user.name}:${user.password}`).toString('base64')
  return async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const lines = Array.isArray(body)
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        'content-type': lines ? 'application/x-ndjson' : 'application/json',
        ...(credentials ? { authorization: `Basic ${credentials}` } : {}),
      },
      ...(body === undefined
        ? {}
        : { body: lines ? body.map((line) => `${JSON.stringify(line)}\n`).join('') : JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text ? (JSON.parse(text) as Record<string, unknown>) : {}
  }
}

const keyword = { type: 'keyword' }
const INDICES: Readonly<Record<string, unknown>> = {
  acme_users: { properties: { user_id: keyword, name: { type: 'text' } } },
  globex_users: { properties: { user_id: keyword, name: { type: 'text' } } },
  // As Elasticsearch maps text by itself.
  messages: {
    properties: {
      tenant_id: keyword,
      sender: { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } },
      recipient: keyword,
      body: { type: 'text' },
    },
  },
  newsletter: { properties: { tenant_id: keyword, email: keyword, created_at: { type: 'date' } } },
}

interface Doc {
  readonly _id: string
  readonly _index: string
  readonly _routing?: string
  readonly _source: Readonly<Record<string, unknown>>
}

/** Seeds and counts with plain HTTP and by comparing whole documents, never by a query. */
export async function openSearchBackdoor(
  server: SearchServer,
): Promise<Backdoor<ElasticsearchOptions, ElasticsearchSystem>> {
  const call = rest(server.port)
  const gate = await openGatekeeper(server.port)
  for (const [name, mappings] of Object.entries(INDICES))
    await call('PUT', `/${name}`, { settings: { number_of_shards: 2, number_of_replicas: 0 }, mappings })

  const allDocs = async (): Promise<Doc[]> => {
    await call('POST', '/_refresh')
    const answer = await call('POST', `/${Object.keys(INDICES).join(',')}/_search`, { size: 10_000 })
    return (answer.hits as { hits: Doc[] }).hits
  }
  const is = (doc: Doc, index: string, tenant: string | undefined) =>
    doc._index === index && (tenant === undefined || doc._source.tenant_id === tenant)

  return {
    endpoint: { host: '127.0.0.1', port: gate.port },
    system: elasticsearchSystem.parse({
      flavour: server.name === 'opensearch3' ? 'opensearch' : 'elasticsearch',
      indices: [
        { name: USERS, by: 'user_id', routing: 'user_id', method: 'delete' },
        { name: MESSAGES, by: 'sender', method: 'delete' },
        { name: MESSAGES, by: 'recipient', method: 'redact', set: { recipient: null, body: '[erased]' } },
        { name: NEWSLETTER, by: 'email', identifier: 'email', method: 'delete', createdAt: 'created_at' },
      ],
    }),
    tenant: { column: 'tenant_id' },
    canonical: 'user_id',
    tenantsShareIds: true,
    options: (at, credentials) => {
      const user = credentials === 'probe' ? 'probe' : 'eraser'
      const secret = credentials === 'wrong' ? 'wrong' : gate.users[user]
      return { url: `http://${user}:${secret}@${at.host}:${at.port}` }
    },
    reset: async () => {
      const docs = await allDocs()
      const lines = docs.map(({ _index, _id, _routing }) => ({
        delete: { _index, _id, ...(_routing === undefined ? {} : { routing: _routing }) },
      }))
      if (lines.length > 0) await call('POST', '/_bulk', lines)
      await call('DELETE', '/lethe-receipts?ignore_unavailable=true')
      await call('POST', '/_refresh')
    },
    seed: async (person, size) => {
      const { tenantId: tenant_id, identifiers } = person
      const { user_id = '', email = '' } = identifiers
      const lines: unknown[] = []
      const put = (_index: string, source: unknown, routing?: string) =>
        lines.push({ index: { _index, _id: randomUUID(), ...(routing ? { routing } : {}) } }, source)
      for (let at = 0; at < size; at++) {
        put(`${tenant_id}_users`, { user_id, name: 'Ada' }, user_id.slice(0, 500))
        put(MESSAGES, { tenant_id, sender: user_id, recipient: 'somebody', body: `to somebody ${at}` })
        put(MESSAGES, { tenant_id, sender: 'somebody', recipient: user_id, body: `dear ${user_id}` })
        const shown = at % 2 ? email : email.toUpperCase()
        put(NEWSLETTER, { tenant_id, email: shown, created_at: person.createdAt })
      }
      // To oneself: deleted as its sender's, and counted once.
      put(MESSAGES, { tenant_id, sender: user_id, recipient: user_id, body: 'note to self' })
      const answer = await call('POST', '/_bulk?refresh=true', lines)
      if (answer.errors) throw new Error(`seeding failed: ${JSON.stringify(answer).slice(0, 400)}`)
      return { [USERS]: size, [MESSAGES]: 2 * size + 1, [NEWSLETTER]: size }
    },
    count: async ({ tenantId, identifiers }: Person): Promise<Tally> => {
      const docs = await allDocs()
      const { user_id, email } = identifiers
      const of = (test: (doc: Doc) => boolean) => docs.filter(test).length
      return {
        [USERS]: of((doc) => is(doc, `${tenantId}_users`, undefined) && doc._source.user_id === user_id),
        [MESSAGES]: of(
          (doc) =>
            is(doc, MESSAGES, tenantId) &&
            (doc._source.sender === user_id ||
              doc._source.recipient === user_id ||
              doc._source.body === `dear ${user_id}`),
        ),
        [NEWSLETTER]: of(
          (doc) => is(doc, NEWSLETTER, tenantId) && String(doc._source.email).toLowerCase() === email,
        ),
      }
    },
    snapshot: async () =>
      new Map(
        (await allDocs()).map((doc) => [
          `${doc._index}/${doc._id}`,
          createHash('sha256')
            .update(JSON.stringify([doc._routing, doc._source]))
            .digest('hex'),
        ]),
      ),
    refuse: async () => {
      const block = (on: boolean) => call('PUT', `/${MESSAGES}/_settings`, { 'index.blocks.write': on })
      await block(true)
      return {
        scope: 'store',
        undo: async () => {
          await block(false)
        },
      }
    },
    letheText: async () =>
      JSON.stringify([gate.asked, await call('POST', '/lethe-receipts/_search', { size: 1_000 })]),
    close: async () => {
      await gate.close()
      for (const name of Object.keys(INDICES)) await call('DELETE', `/${name}`)
      await call('DELETE', '/lethe-receipts?ignore_unavailable=true')
    },
  }
}
