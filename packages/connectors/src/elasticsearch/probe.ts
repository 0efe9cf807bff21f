import type { IdentifierType, ProbeFinding, ProbeSession, Subject } from '@lethe/eraser-kit'
import { z } from 'zod'
import { failureOf, guarded, isOurs, StoreError } from './errors.js'
import { elasticsearchKind } from './grammar.js'
import { type IndexLook, type Look, looksFor } from './probe-looks.js'
import { countingBody, isTheirs, type Looked, textBody } from './probe-query.js'
import { type ProbeIndex, primaryPreferences, readShape } from './probe-shape.js'
import { Store } from './store.js'
import type { ElasticsearchContext } from './targets.js'

/** People one search looks for. */
const CHUNK = 50
/** Documents with a similar text that are read one by one; more of them can't be judged. */
const SIMILAR = 500

/**
 * Looks again with eyes of its own: its own reading of the mappings, its own queries, every primary shard, and
 * also indices and fields the data map doesn't know. Shares the connection with the eraser and nothing else.
 */
export async function openProbeSession(context: ElasticsearchContext): Promise<ProbeSession> {
  const store = await Store.open(context.options, context.system.flavour)
  return {
    probe: (subjects) => guarded('look for documents', () => looked(store, context, subjects)),
    close: () => store.close(),
  }
}

/** Undated is what is found of somebody, less what is still found when only what says its time counts. */
async function looked(
  store: Store,
  context: ElasticsearchContext,
  subjects: readonly Subject[],
): Promise<ProbeFinding[]> {
  const findings = await new ProbeRun(store, context, subjects).run()
  const unclear = subjects.flatMap((subject, at) =>
    findings[at]?.result === 'residual' &&
    subject.identifiers.some(({ type }) => isTakenAlong(type, context.canonical))
      ? [{ subject, at }]
      : [],
  )
  if (unclear.length === 0) return findings
  const some = unclear.map(({ subject }) => subject)
  const dated = await new ProbeRun(store, context, some, true).run()
  const result = [...findings]
  unclear.forEach(({ at }, index) => {
    const finding = findings[at] as ProbeFinding
    const sure = dated[index]
    if (sure === undefined || sure.result === 'inconclusive') return
    const undated = Object.fromEntries(
      Object.entries(finding.residual).flatMap(([place, matches]) => {
        const more = matches - (sure.residual[place] ?? 0)
        return more > 0 ? [[place, more]] : []
      }),
    )
    if (Object.keys(undated).length > 0) result[at] = { ...finding, undated }
  })
  return result
}

/** Whoever comes back has the same one; other identifiers are given anew. */
const isTakenAlong = (type: IdentifierType, canonical: IdentifierType): boolean =>
  type !== canonical && (type === 'email' || type === 'phone')

/** What leads to documents whose time is known. */
const datedLooks = (look: IndexLook, canonical: IdentifierType): IndexLook => ({
  ...look,
  looks: look.looks.flatMap((one): Look[] => {
    if (!isTakenAlong(one.type, canonical)) return [one]
    return one.createdAt === null ? [] : [{ ...one, dated: true }]
  }),
})

class ProbeRun {
  private readonly residual: Record<string, number>[]
  private readonly reasons: (string | null)[]
  /** Refreshed once per run; null when a primary is missing. */
  private readonly preferences = new Map<string, Promise<string[] | null>>()
  private readonly now = Date.now()

  constructor(
    private readonly store: Store,
    private readonly context: ElasticsearchContext,
    private readonly subjects: readonly Subject[],
    private readonly datedOnly = false,
  ) {
    this.residual = subjects.map(() => ({}))
    this.reasons = subjects.map((subject) => unlookable(subject, context))
  }

  async run(): Promise<ProbeFinding[]> {
    const health = await this.store.call(healthAnswer, { method: 'GET', path: '/_cluster/health' })
    if (health.timed_out || health.status === 'red') this.doubt(this.all(), 'partial_shards')
    const shape = await readShape(this.store)
    this.missing(shape)
    for (const tenantId of new Set(this.subjects.map((subject) => subject.tenantId))) {
      const people = this.all().filter(
        ({ ord, subject }) => subject.tenantId === tenantId && !this.reasons[ord],
      )
      const types = [...new Set(people.flatMap(({ subject }) => subject.identifiers.map(({ type }) => type)))]
      const { system, tenant, canonical, mappedOnly } = this.context
      for (const look of looksFor(shape, system, tenant, canonical, tenantId, types, mappedOnly))
        for (let from = 0; from < people.length; from += CHUNK)
          await this.into(
            this.datedOnly ? datedLooks(look, canonical) : look,
            people.slice(from, from + CHUNK),
          )
    }
    return this.subjects.map((_subject, ord) => this.finding(ord))
  }

  private all(): Looked[] {
    return this.subjects.map((subject, ord) => ({ ord, subject }))
  }

  private finding(ord: number): ProbeFinding {
    const residual = this.residual[ord] ?? {}
    const reasonCode = this.reasons[ord]
    if (reasonCode) return { result: 'inconclusive', residual, reasonCode }
    const any = Object.values(residual).some((count) => count > 0)
    return { result: any ? 'residual' : 'clean', residual }
  }

  private doubt(people: readonly Looked[], reason: string): void {
    for (const { ord } of people) this.reasons[ord] ??= reason
  }

  private add(ord: number, collection: string, count: number): void {
    const own = this.residual[ord]
    if (own) own[collection] = (own[collection] ?? 0) + count
  }

  /** An index that every tenant shares and that the probe does not see may just as well be hidden from it. */
  private missing(shape: readonly ProbeIndex[]): void {
    const names = new Set(shape.flatMap(({ name, aliases }) => [name, ...aliases]))
    const fixed = this.context.system.indices.filter(({ name }) => !name.includes('{tenant}'))
    if (fixed.some(({ name }) => !names.has(name))) this.doubt(this.all(), 'missing_index')
  }

  private async into(look: IndexLook, people: readonly Looked[]): Promise<void> {
    const doubt = this.doubtful(look, people)
    if (doubt) return this.doubt(people, doubt)
    try {
      const preferences = await this.primaries(look.index.name)
      if (!preferences) return this.doubt(people, 'partial_shards')
      for (const { ord } of people) this.add(ord, look.collection, 0)
      for (const preference of preferences) {
        await this.count(look, people, preference)
        for (const one of people) await this.readTexts(look, one, preference)
      }
    } catch (error) {
      // An answer of the store is about this index; a lost connection is about all of it.
      if (!(error instanceof StoreError) || error.status === null || isOurs(error)) throw error
      this.doubt(people, failureOf(error).code)
    }
  }

  private doubtful(
    { index, looks, tenantField, mapped }: IndexLook,
    people: readonly Looked[],
  ): string | null {
    if (index.closed) return 'index_closed'
    if (looks.some(({ field }) => field.as === 'unsearchable')) return 'unindexed_field'
    if (mapped && 'column' in this.context.tenant && !tenantField && !this.tenanted(index))
      return 'tenant_unprovable'
    const tooLong = people.some(({ subject }) =>
      looks.some(({ field, type }) =>
        subject.identifiers.some((one) => one.type === type && one.value.length > field.longest),
      ),
    )
    return tooLong ? 'invalid_identifier' : null
  }

  private tenanted({ name, aliases }: ProbeIndex): boolean {
    const fixed = this.context.system.indices.filter((one) => !one.name.includes('{tenant}'))
    return !fixed.some((one) => one.name === name || aliases.includes(one.name))
  }

  private primaries(index: string): Promise<string[] | null> {
    const known = this.preferences.get(index)
    if (known) return known
    const asked = this.refreshed(index)
    this.preferences.set(index, asked)
    return asked
  }

  private async refreshed(index: string): Promise<string[] | null> {
    const path = `/${encodeURIComponent(index)}/_refresh`
    const { _shards } = await this.store.call(refreshAnswer, { method: 'POST', path })
    return _shards.failed > 0 ? null : primaryPreferences(this.store, index)
  }

  private async count(look: IndexLook, people: readonly Looked[], preference: string): Promise<void> {
    const body = countingBody(look, people, this.now)
    if (!body) return
    const answer = await this.store.call(countAnswer, this.search(look, preference, body))
    if (isPartial(answer)) return this.doubt(people, 'partial_shards')
    for (const { ord } of people)
      this.add(ord, look.collection, answer.aggregations.seen.buckets[String(ord)]?.doc_count ?? 0)
  }

  private async readTexts(look: IndexLook, one: Looked, preference: string): Promise<void> {
    const body = textBody(look, one.subject, SIMILAR, this.now)
    if (!body) return
    const answer = await this.store.call(textAnswer, this.search(look, preference, body))
    if (isPartial(answer)) return this.doubt([one], 'partial_shards')
    if (answer.hits.total.value > SIMILAR) return this.doubt([one], 'too_many_similar_texts')
    const theirs = answer.hits.hits.filter(({ _source }) => isTheirs(look, one.subject, _source))
    this.add(one.ord, look.collection, theirs.length)
  }

  private search(look: IndexLook, preference: string, body: unknown) {
    return {
      method: 'POST',
      path: `/${encodeURIComponent(look.index.name)}/_search`,
      query: { preference, allow_partial_search_results: false },
      body,
    } as const
  }
}

const shards = z.object({ total: z.number(), successful: z.number(), failed: z.number() })
const seen = z.object({ timed_out: z.boolean(), _shards: shards })
const healthAnswer = z.object({ status: z.string(), timed_out: z.boolean() })
const refreshAnswer = z.object({ _shards: shards })
const countAnswer = seen.extend({
  aggregations: z.object({
    seen: z.object({ buckets: z.record(z.string(), z.object({ doc_count: z.number() })) }),
  }),
})
const textAnswer = seen.extend({
  hits: z.object({
    total: z.object({ value: z.number() }),
    hits: z.array(z.object({ _source: z.record(z.string(), z.unknown()).default({}) })),
  }),
})

const isPartial = ({ timed_out, _shards }: z.output<typeof seen>) =>
  timed_out || _shards.failed > 0 || _shards.successful < _shards.total

/** Why nothing can be said of this person, or null. */
function unlookable(subject: Subject, { system, tenant, canonical }: ElasticsearchContext): string | null {
  if ('constant' in tenant && tenant.constant !== subject.tenantId) return 'unknown_tenant'
  const wanted = elasticsearchKind.identifiers(system, canonical)
  const used = subject.identifiers.filter(({ type }) => wanted.includes(type))
  if (used.length === 0 || (wanted.includes(canonical) && !used.some(({ type }) => type === canonical)))
    return 'identifier_missing'
  return used.some(({ value }) => value === '' || /\p{Surrogate}/u.test(value)) ? 'invalid_identifier' : null
}
