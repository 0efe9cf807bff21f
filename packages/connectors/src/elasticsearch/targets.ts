import type { IdentifierType, OpenContext, TenantRule } from '@lethe/eraser-kit'
import { z } from 'zod'
import { behindTheGate, isCopy } from './behind.js'
import type { ElasticsearchElement, ElasticsearchSystem, Replacement } from './grammar.js'
import { type IndexName, indexNameOf, indexOf, LETHE_PREFIX, tenantOf } from './index-name.js'
import { type ExactField, exactField, fieldAt, type IndexInfo, indexInfo } from './mapping.js'
import type { ElasticsearchOptions } from './options.js'
import type { Query } from './query.js'
import { IndexRefused, type TargetProblem, targetError } from './refusals.js'
import { stillKept, type Until, untilOf } from './retention.js'
import type { Store } from './store.js'

export type ElasticsearchContext = OpenContext<ElasticsearchOptions, ElasticsearchSystem>

/** One way of an index to a person. */
export interface Way {
  readonly field: ExactField
  readonly identifier: IdentifierType
  /** Only documents up to the request: set where an alias leads to the person. */
  readonly createdAt: string | null
  /** People take this identifier along: what it alone leads to, created at no known time, may be of who came back. */
  readonly takenAlong: boolean
  readonly set: Readonly<Record<string, Replacement>>
  /** The field as the data map writes it, and the list around it that loses this person. */
  readonly by: string
  readonly pull: string | null
}

/** A way to documents that a law keeps. */
export interface KeptWay extends Way {
  readonly until: Until
  readonly part: { readonly category: string; readonly ground: string; readonly citation: string }
  /** Which of its documents are kept at the moment of this target. */
  readonly running: Query
}

/**
 * What is done to one concrete index: documents found by `ways` are deleted or redacted; with `retain`, deleted
 * unless they are kept.
 */
export interface Target {
  readonly collection: string
  readonly method: Method
  readonly index: string
  readonly ways: readonly Way[]
  /** Ways by which the same index is deleted from: others leave those documents to them. */
  readonly deleted: readonly Way[]
  /** Ways by which documents of the same index are kept: nothing is done to those before their time is over. */
  readonly kept: readonly KeptWay[]
  /** Field holding the tenant, or null where the index holds one tenant only. */
  readonly tenantField: ExactField | null
}

const answer = z.record(z.string(), indexInfo)
/** Names in one look: a path has room for about 4,000 characters. */
const NAMES = 12

/** Indices as they are now, by the names they were asked for. */
export async function lookAtIndices(
  store: Store,
  names: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, IndexInfo>>> {
  const found = new Map<string, Map<string, IndexInfo>>()
  for (let from = 0; from < names.length; from += NAMES) {
    const page = names.slice(from, from + NAMES)
    const infos = await store.callIfThere(answer, {
      method: 'GET',
      path: `/${page.map(encodeURIComponent).join(',')}`,
      query: { ignore_unavailable: true, expand_wildcards: 'all' },
    })
    for (const [concrete, info] of Object.entries(infos ?? {}))
      for (const name of page)
        if (concrete === name || Object.hasOwn(info.aliases, name) || info.data_stream === name)
          found.set(name, (found.get(name) ?? new Map()).set(concrete, info))
  }
  return found
}

/** All indices a name of the map stands for, whatever the tenant; for opening and describing. */
export async function indicesOf(store: Store, name: IndexName): Promise<ReadonlyMap<string, IndexInfo>> {
  if (!name.tenanted) return (await lookAtIndices(store, [name.text])).get(name.text) ?? new Map()
  const infos = await store.callIfThere(answer, {
    method: 'GET',
    path: `/${name.before}*${name.after}`,
    query: { expand_wildcards: 'all', allow_no_indices: true },
  })
  return new Map(
    Object.entries(infos ?? {}).filter(
      ([concrete, info]) => !concrete.startsWith(LETHE_PREFIX) && !isCopy(info),
    ),
  )
}

const METHODS = ['delete', 'redact', 'retain'] as const
export type Method = (typeof METHODS)[number]

/** What a section does, grouped by index name: deletions of an index before its redactions. */
export interface Job {
  readonly name: IndexName
  readonly method: Method
  readonly elements: readonly ElasticsearchElement[]
  readonly deleting: readonly ElasticsearchElement[]
  readonly keeping: readonly ElasticsearchElement[]
}

export function jobsOf(system: ElasticsearchSystem): Job[] {
  const texts = [...new Set(system.indices.map(({ name }) => name))]
  return texts.flatMap((text) =>
    METHODS.flatMap((method): Job[] => {
      const of = (one: Method) => system.indices.filter(({ name, method }) => name === text && method === one)
      const elements = of(method)
      if (elements.length === 0) return []
      const deleting = method === 'delete' ? [] : of('delete')
      return [{ name: indexNameOf(text), method, elements, deleting, keeping: of('retain') }]
    }),
  )
}

interface Rules {
  readonly tenant: TenantRule
  readonly canonical: IdentifierType
}
/** Retentions are judged at this moment, in epoch milliseconds. */
type RulesNow = Rules & { readonly now: number }

/** Proves that a name leads to exactly one index whose fields compare exactly. Throws IndexRefused. */
export function targetOf(
  job: Job,
  asked: string,
  found: ReadonlyMap<string, IndexInfo>,
  { tenant, canonical, now }: RulesNow,
): Target {
  const refuse = (code: TargetProblem, field = '') =>
    new IndexRefused(code, `${job.name.text}${field && `.${field}`}`)
  const [index, info] = oneIndex(job.name, asked, found, refuse)
  const exact = (path: string, type: IdentifierType | null): ExactField => {
    const field = exactField(info, path, type)
    if (typeof field === 'string') throw refuse(field, path)
    return field
  }
  const way = (element: ElasticsearchElement): Way => {
    const identifier = element.identifier ?? canonical
    if (element.createdAt && !isDate(info, element.createdAt))
      throw refuse('created_at_not_date', element.createdAt)
    return {
      field: exact(element.by, identifier),
      identifier,
      createdAt: identifier === canonical ? null : (element.createdAt ?? null),
      takenAlong: identifier !== canonical && (identifier === 'email' || identifier === 'phone'),
      set: element.set ?? {},
      by: element.by,
      pull: element.pull ?? null,
    }
  }
  const kept = (element: ElasticsearchElement): KeptWay => {
    const { ground = '', citation = '', until: text } = element.retain ?? {}
    const until = untilOf(text)
    if ('from' in until && !isDate(info, until.from)) throw refuse('until_not_date', until.from)
    const part = { category: element.category ?? job.name.text, ground, citation }
    return { ...way(element), until, part, running: stillKept(until, now) }
  }
  if (
    job.method === 'redact' &&
    (info.mappings._source?.enabled === false || info.mappings._source?.excludes)
  )
    throw refuse('source_disabled')
  const tenantField = 'column' in tenant && !job.name.tenanted ? tenantFieldOf(info, tenant.column) : null
  if (tenantField === 'unprovable') throw refuse('tenant_unprovable')
  return {
    collection: job.name.text,
    method: job.method,
    index,
    ways: job.elements.map(way),
    deleted: job.deleting.map(way),
    kept: job.keeping.map(kept),
    tenantField,
  }
}

function oneIndex(
  name: IndexName,
  asked: string,
  found: ReadonlyMap<string, IndexInfo>,
  refuse: (code: TargetProblem) => IndexRefused,
): [string, IndexInfo] {
  const [only, ...more] = [...found]
  if (!only) throw refuse('missing_index')
  const [index, info] = only
  if ([...found.values()].some(({ data_stream }) => data_stream !== undefined)) throw refuse('data_stream')
  if (more.length > 0) throw refuse('alias_of_many')
  if (info.settings.index.verified_before_close) throw refuse('index_closed')
  if (index === asked) return only
  const alias = info.aliases[asked]
  if (!alias || alias.filter !== undefined) throw refuse('filtered_alias')
  if (alias.index_routing !== undefined || alias.search_routing !== undefined) throw refuse('routed_alias')
  // The name proves the tenant only if no other tenant's name leads to the same documents.
  const tenant = tenantOf(name, asked)
  const others = [index, ...Object.keys(info.aliases)].map((other) => tenantOf(name, other))
  if (name.tenanted && others.some((other) => other !== null && other !== tenant))
    throw refuse('shared_alias')
  return only
}

function tenantFieldOf(info: IndexInfo, column: string): ExactField | 'unprovable' {
  const field = exactField(info, column, null)
  return typeof field === 'string' ? 'unprovable' : field
}

function isDate(info: IndexInfo, path: string): boolean {
  const field = fieldAt(info.mappings.properties, path)
  return typeof field !== 'string' && ['date', 'date_nanos'].includes(field.type ?? '')
}

type TenantTargets = readonly Target[] | IndexRefused | 'unknown_tenant'

/** Targets of one tenant. A tenant without an index has no documents there; a fixed index must exist. */
export async function targetsFor(
  store: Store,
  jobs: readonly Job[],
  tenantIds: readonly string[],
  rules: RulesNow,
): Promise<ReadonlyMap<string, TenantTargets>> {
  const wanted = new Map(tenantIds.map((id) => [id, jobs.map((job) => indexOf(job.name, id))]))
  const names = [...new Set([...wanted.values()].flat())].filter((name) => name !== null)
  const found = await behindTheGate(store, await lookAtIndices(store, names))
  return new Map(
    [...wanted].map(([tenantId, indices]): [string, TenantTargets] => {
      if (indices.includes(null)) return [tenantId, 'unknown_tenant']
      try {
        const targets = jobs.flatMap((job, at) => {
          const infos = found.get(indices[at] ?? '')
          if (!infos && job.name.tenanted) return []
          return [targetOf(job, indices[at] ?? '', infos ?? new Map(), rules)]
        })
        return [tenantId, targets]
      } catch (error) {
        if (error instanceof IndexRefused) return [tenantId, error]
        throw error
      }
    }),
  )
}

/**
 * Refuses a map that doesn't fit: a fixed index with a problem, or a name all of whose tenants' indices have
 * one. Throws a TerminalError naming index and field.
 */
export async function proveMap(store: Store, jobs: readonly Job[], rules: Rules): Promise<void> {
  for (const job of jobs) {
    const refused = await problemsOf(store, job, rules)
    const first = refused.problems[0]
    if (first && (!job.name.tenanted || refused.problems.length === refused.looked))
      throw targetError(first.code, first.where)
  }
}

/** What is wrong with each existing index of a name, and how many there are. */
export async function problemsOf(
  store: Store,
  job: Job,
  rules: Rules,
): Promise<{ looked: number; problems: IndexRefused[] }> {
  const existing = await indicesOf(store, job.name)
  const asked = askedNames(job.name, existing)
  const problems = asked.flatMap(([name, infos]) => {
    try {
      targetOf(job, name, infos, { ...rules, now: Date.now() })
      return []
    } catch (error) {
      if (error instanceof IndexRefused) return [error]
      throw error
    }
  })
  return { looked: asked.length, problems }
}

/** Tenants' names of existing indices and aliases; a fixed name stands for itself, also when it is missing. */
function askedNames(
  name: IndexName,
  existing: ReadonlyMap<string, IndexInfo>,
): [string, ReadonlyMap<string, IndexInfo>][] {
  if (!name.tenanted) return [[name.text, existing]]
  const names = new Map<string, Map<string, IndexInfo>>()
  for (const [concrete, info] of existing)
    for (const candidate of [concrete, info.data_stream ?? '', ...Object.keys(info.aliases)])
      if (tenantOf(name, candidate) !== null)
        names.set(candidate, (names.get(candidate) ?? new Map()).set(concrete, info))
  return [...names]
}
