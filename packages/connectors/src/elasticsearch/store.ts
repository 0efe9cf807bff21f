import { Client as ElasticsearchClient } from '@elastic/elasticsearch'
import { PausedError } from '@lethe/eraser-kit'
import { Client as OpenSearchClient } from '@opensearch-project/opensearch'
import { z } from 'zod'
import { crossing, StoreError } from './errors.js'
import type { ElasticsearchSystem } from './grammar.js'
import type { ElasticsearchOptions } from './options.js'

type Flavour = ElasticsearchSystem['flavour']

/** Longest wait for one answer, in milliseconds. */
const ANSWER_MS = 30_000

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD'
  /** Index names in it are of the data map or the store itself; identifiers of people travel in bodies only. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean>>
  readonly body?: unknown
  /** Lines of a bulk request, instead of `body`. */
  readonly lines?: readonly unknown[]
  readonly signal?: AbortSignal
}

interface Wire {
  /** Resolves with the parsed body; rejects with whatever the vendor's client throws. */
  send(call: Call): Promise<unknown>
  close(): Promise<void>
}

/** One cluster seen through one user, whichever of the two clients speaks to it. */
export class Store {
  private constructor(
    private readonly wire: Wire,
    readonly flavour: Flavour,
    readonly version: string,
    /** Whether every node has the module behind `_delete_by_query`. */
    readonly deletesByQuery: boolean,
  ) {}

  /** Connects and checks that the server is what the map says. Throws Retryable, Paused or Terminal. */
  static async open(options: ElasticsearchOptions, flavour: Flavour): Promise<Store> {
    const wire = flavour === 'opensearch' ? openSearchWire(options.url) : elasticsearchWire(options.url)
    try {
      // Asked of the nodes: the root page is a module of its own, which a cluster may lack.
      const call = { method: 'GET', path: '/_nodes/plugins', query: { filter_path: NODES } } as const
      const nodes = Object.values(nodesAnswer.parse(await asking(wire, call)).nodes)
      const modules = nodes.map((node) => node.modules.map((module) => module.name))
      const deletesByQuery = modules.length > 0 && modules.every((names) => names.includes('reindex'))
      await refuseFilteredView(wire, flavour)
      const version = [...new Set(nodes.map((node) => node.version))].join(', ')
      return new Store(wire, flavour, version, deletesByQuery)
    } catch (error) {
      await wire.close()
      throw crossing(error, 'connect')
    }
  }

  /** One call, one try. Throws a StoreError, which says nothing of what was sent. */
  async call<T>(answer: z.ZodType<T>, call: Call): Promise<T> {
    return answer.parse(await asking(this.wire, call))
  }

  /** As `call`, with null for a 404. */
  async callIfThere<T>(answer: z.ZodType<T>, call: Call): Promise<T | null> {
    try {
      return await this.call(answer, call)
    } catch (error) {
      if (error instanceof StoreError && error.status === 404) return null
      throw error
    }
  }

  close(): Promise<void> {
    return this.wire.close()
  }
}

const NODES = 'nodes.*.version,nodes.*.modules.name'
const node = z.object({
  version: z.string(),
  modules: z.array(z.object({ name: z.string() })).default([]),
})
const nodesAnswer = z.object({ nodes: z.record(z.string(), node).default({}) })

const privileges = z.object({
  indices: z
    .array(
      z.object({ query: z.array(z.unknown()).optional(), field_security: z.array(z.unknown()).optional() }),
    )
    .default([]),
})

/**
 * A role with document- or field-level security shows less than there is, without saying so. A server without
 * users has no such page. OpenSearch doesn't tell a user of its own filters.
 */
async function refuseFilteredView(wire: Wire, flavour: Flavour): Promise<void> {
  if (flavour === 'opensearch') return
  let answer: unknown
  try {
    answer = await asking(wire, { method: 'GET', path: '/_security/user/_privileges' })
  } catch (error) {
    if (error instanceof StoreError && [400, 404, 405, 500].includes(error.status ?? 0)) return
    throw error
  }
  const filtered = privileges
    .parse(answer)
    .indices.some(
      ({ query, field_security }) => (query ?? []).length > 0 || (field_security ?? []).length > 0,
    )
  if (filtered)
    throw new PausedError(
      'filtered_view',
      'Document- or field-level security filters what this user sees. Give it a role without either.',
    )
}

/** Bulk bodies are lines of JSON with a line end after the last one. */
const ndjson = (lines: readonly unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('')

async function asking(wire: Wire, call: Call): Promise<unknown> {
  try {
    return await wire.send(call)
  } catch (error) {
    throw storeErrorOf(error)
  }
}

function elasticsearchWire(url: string): Wire {
  const client = new ElasticsearchClient({
    ...addressOf(url),
    maxRetries: 0,
    requestTimeout: ANSWER_MS,
    enableMetaHeader: false,
  })
  return {
    send: ({ method, path, query, body, lines, signal }) =>
      client.transport.request(
        {
          method,
          path,
          ...(query ? { querystring: { ...query } } : {}),
          ...(lines
            ? { bulkBody: ndjson(lines) }
            : body === undefined
              ? {}
              : { body: body as Record<string, unknown> }),
        },
        { maxRetries: 0, ...(signal ? { signal } : {}) },
      ),
    close: () => client.close(),
  }
}

function openSearchWire(url: string): Wire {
  const client = new OpenSearchClient({ ...addressOf(url), maxRetries: 0, requestTimeout: ANSWER_MS })
  return {
    send: async ({ method, path, query, body, lines, signal }) => {
      signal?.throwIfAborted()
      const request = client.transport.request(
        {
          method,
          path,
          ...(query ? { querystring: { ...query } } : {}),
          ...(lines
            ? { bulkBody: ndjson(lines) }
            : body === undefined
              ? {}
              : { body: body as Record<string, unknown> }),
        },
        { maxRetries: 0 },
      )
      const answer = await request
      // Elasticsearch says on every page what it is; its own client checks that, this one doesn't.
      if (answer.headers?.['x-elastic-product'] !== undefined) throw new StoreError(null, 'wrong_product')
      return answer.body
    },
    close: () => client.close(),
  }
}

function addressOf(url: string) {
  const { protocol, host, pathname, username, password } = new URL(url)
  const auth = { username: decodeURIComponent(username), password: decodeURIComponent(password) }
  return { node: `${protocol}//${host}${pathname}`, ...(username ? { auth } : {}) }
}

/** Both clients' errors carry request and answer; only their status and the store's name for them are read. */
function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const { name, statusCode, body, meta } = (error ?? {}) as {
    name?: unknown
    statusCode?: unknown
    body?: unknown
    meta?: { statusCode?: unknown; body?: unknown }
  }
  if (name === 'TimeoutError') return new StoreError(null, 'timeout')
  if (name === 'RequestAbortedError' || name === 'AbortError') return new StoreError(null, 'aborted')
  if (name === 'ProductNotSupportedError') return new StoreError(null, 'wrong_product')
  const status = statusCode ?? meta?.statusCode
  const kind = kindIn(body ?? meta?.body)
  return new StoreError(typeof status === 'number' ? status : null, kind)
}

/**
 * e.g. `index_not_found_exception`; letters and underscores only, whatever the server says. What a change of many
 * documents met stands with the documents: there the first one's is read.
 */
function kindIn(body: unknown): string {
  const { error, failures } = (body ?? {}) as {
    error?: { type?: unknown }
    failures?: readonly { cause?: { type?: unknown } }[]
  }
  const type = error?.type ?? (Array.isArray(failures) ? failures[0]?.cause?.type : undefined)
  return typeof type === 'string' && /^[a-z_]{1,80}$/.test(type) ? type : 'none'
}
