import { randomUUID } from 'node:crypto'
import type {
  EraseIo,
  Identifier,
  Outcome,
  Pass,
  ProbeFinding,
  RestoreSession,
  Session,
} from '@lethe/eraser-kit'
import type { SearchServer } from '@lethe/infra'
import { type Gatekeeper, openGatekeeper } from './gatekeeper.spec.js'
import { elasticsearchSystem } from './grammar.js'
import { elasticsearch } from './index.js'
import { rest } from './search-backdoor.spec.js'
import type { ElasticsearchContext } from './targets.js'

export interface Change {
  readonly tenant?: ElasticsearchContext['tenant']
  readonly ignore?: readonly string[]
  readonly ceiling?: number
}

/** A server whose indices are this spec's alone, and short words for what specs do with it. */
export interface LoneStore {
  readonly gate: Gatekeeper
  /** Plain HTTP around the connector. */
  readonly call: ReturnType<typeof rest>
  index(name: string, properties: unknown, more?: Record<string, unknown>): Promise<void>
  put(
    index: string,
    source: unknown,
    options?: { id?: string; routing?: string; refresh?: boolean },
  ): Promise<void>
  /** Every document of an index as it is stored. */
  docs(index: string): Promise<Record<string, unknown>[]>
  ids(index: string): Promise<string[]>
  open(indices: readonly unknown[], change?: Change): Promise<Session>
  erase(indices: readonly unknown[], pass: Pass, change?: Change, io?: Partial<EraseIo>): Promise<Outcome>
  probe(indices: readonly unknown[], pass: Pass, change?: Change): Promise<ProbeFinding>
  restoring(indices: readonly unknown[]): Promise<RestoreSession>
  /** Names of what an older map's indices are there as; null when nothing is. */
  present(indices: readonly unknown[]): Promise<string[] | null>
  close(): Promise<void>
}

export async function openLoneStore(server: SearchServer): Promise<LoneStore> {
  const call = rest(server.port)
  const gate = await openGatekeeper(server.port)
  const closers: (() => Promise<void>)[] = []
  const created = new Set<string>()
  const contextOf = (indices: readonly unknown[], user: 'eraser' | 'probe', change: Change) => ({
    systemId: 'search',
    options: elasticsearch.options.parse(`http://${user}:${gate.users[user]}@127.0.0.1:${gate.port}`),
    system: elasticsearchSystem.parse({
      flavour: server.name === 'opensearch3' ? 'opensearch' : 'elasticsearch',
      indices,
      ...(change.ignore ? { ignore: change.ignore } : {}),
    }),
    tenant: change.tenant ?? ({ column: 'tenant_id' } as const),
    canonical: 'user_id' as const,
    ceiling: change.ceiling ?? null,
  })
  const store: LoneStore = {
    gate,
    call,
    index: async (name, properties, more = {}) => {
      created.add(name)
      const { settings = {}, ...rest } = more
      const sizes = { number_of_shards: 2, number_of_replicas: 0 }
      await call('PUT', `/${name}?wait_for_active_shards=0`, {
        settings: { ...sizes, ...(settings as object) },
        mappings: { properties },
        ...rest,
      })
    },
    put: async (index, source, { id = randomUUID(), routing, refresh = true } = {}) => {
      const query = `?refresh=${refresh}${routing ? `&routing=${encodeURIComponent(routing)}` : ''}`
      await call('PUT', `/${index}/_doc/${encodeURIComponent(id)}${query}`, source)
    },
    docs: async (index) => {
      await call('POST', `/${index}/_refresh`)
      const answer = await call('POST', `/${index}/_search`, { size: 10_000 })
      return (answer.hits as { hits: { _source: Record<string, unknown> }[] }).hits.map(
        ({ _source }) => _source,
      )
    },
    ids: async (index) => {
      const answer = await call('POST', `/${index}/_search`, { size: 10_000, _source: false })
      return (answer.hits as { hits: { _id: string }[] }).hits.map(({ _id }) => _id)
    },
    open: async (indices, change = {}) => {
      const session = await elasticsearch.open(contextOf(indices, 'eraser', change))
      closers.push(() => session.close())
      return session
    },
    erase: async (indices, pass, change, with_) => {
      const [outcome] = await (await store.open(indices, change)).erase([pass], io(with_))
      if (!outcome) throw new RangeError('no outcome')
      return outcome
    },
    probe: async (indices, pass, change = {}) => {
      const probe = await elasticsearch.openProbe(contextOf(indices, 'probe', change))
      closers.push(() => probe.close())
      const [finding] = await probe.probe([pass.subject])
      if (!finding) throw new RangeError('no finding')
      return finding
    },
    restoring: async (indices) => {
      const session = await elasticsearch.openRestore?.(contextOf(indices, 'eraser', {}))
      if (!session) throw new RangeError('no restore session')
      closers.push(() => session.close())
      return session
    },
    present: async (indices) => {
      const context = contextOf(indices, 'eraser', {})
      const found = await elasticsearch.present?.(context, context.system)
      return found ? found.indices.map(({ name, by }) => `${name}.${by}`) : null
    },
    close: async () => {
      for (const close of closers) await close()
      await gate.close()
      await call('DELETE', '/_data_stream/lone-*').catch(() => undefined)
      for (const name of created) await call('DELETE', `/${name}?ignore_unavailable=true`)
      await call('DELETE', '/lethe-receipts?ignore_unavailable=true')
    },
  }
  return store
}

export function passOf(
  identifiers: Readonly<Record<string, string>>,
  change: Partial<Pass> = {},
  tenantId = 'acme',
): Pass {
  return {
    requestId: randomUUID(),
    systemId: 'search',
    stepId: 'search#1',
    passId: 'search#1/initial',
    attempt: 1,
    subject: {
      subjectRef: randomUUID(),
      tenantId,
      identifiers: Object.entries(identifiers).map(([type, value]) => ({ type, value }) as Identifier),
      receivedAt: Date.now(),
    },
    grant: { grantId: randomUUID(), expiresAt: Date.now() + 30_000 },
    ceilingWaived: false,
    ...change,
  }
}

export const io = (change: Partial<EraseIo> = {}): EraseIo => ({
  signal: new AbortController().signal,
  now: Date.now,
  receipt: ({ requestId, passId }, outcome) => ({ requestId, passId, body: JSON.stringify(outcome) }),
  ...change,
})
