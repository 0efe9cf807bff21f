import { createHash } from 'node:crypto'
import type { Marker, Outcome, Receipt, ReceiptKey } from '@lethe/eraser-kit'
import { z } from 'zod'
import { type Failure, meaningOf, StoreError } from './errors.js'
import { refresh } from './look.js'
import type { Store } from './store.js'

/** Lethe's own index in the store. */
export const RECEIPTS = 'lethe-receipts'

/** What `lethe-receipts` must look like where the eraser may not create it. Nothing in it names a person. */
export const receiptsIndex = {
  settings: { index: { number_of_shards: 1, auto_expand_replicas: '0-1', hidden: true } },
  mappings: {
    dynamic: false,
    properties: { kind: { type: 'keyword' }, system: { type: 'keyword' }, at: { type: 'long' } },
  },
} as const

const counts = z.record(z.string(), z.number())
const entry = z.object({
  /** Documents changed for certain, per job. */
  done: counts.default({}),
  /** Documents about to be changed when this was written, per job. */
  open: counts.default({}),
  /** Types of the identifiers the pass selected by; another selection finds other documents. */
  by: z.string().default(''),
  /** Whether an acknowledged failure has told what is done. */
  told: z.boolean().default(false),
  body: z.string().optional(),
  outcome: z.string().optional(),
  /** Of a step: its passes that meant to change something, oldest first. */
  passes: z.array(z.string()).default([]),
})
const markerDocs = z.object({
  docs: z.array(
    z.object({
      _version: z.number().optional(),
      _source: z.object({ value: z.string().optional() }).optional(),
      error: z.unknown().optional(),
    }),
  ),
})
const got = z.object({
  found: z.boolean().optional(),
  _seq_no: z.number().optional(),
  _primary_term: z.number().optional(),
  _source: entry.optional(),
  error: z.unknown().optional(),
})

/** What the store remembers of one pass, and which version of it this is. */
export interface Entry {
  readonly done: Readonly<Record<string, number>>
  readonly open: Readonly<Record<string, number>>
  readonly by: string
  readonly told: boolean
  readonly body: string | null
  readonly outcome: Outcome | null
  readonly version: { readonly seqNo: number; readonly primaryTerm: number } | null
}
export interface Writing {
  readonly key: StepKey
  readonly entry: Pick<Entry, 'done' | 'open' | 'by' | 'told' | 'version'>
  readonly receipt?: { readonly body: string; readonly outcome: Outcome }
}
export interface StepKey extends ReceiptKey {
  readonly stepId: string
}
/** A pass as the store remembers it, and the one of its step before it whose work it goes on with. */
export interface Remembered {
  readonly own: Entry
  readonly before: Entry | null
  /** Passes of the step, oldest first. */
  readonly passes: readonly string[]
}

/** Passes of one step that are remembered; of more than that the oldest are forgotten. */
const MOST_PASSES = 100

/**
 * Receipts and, before anything is changed, intents: how many documents a pass is about to change. A rerun that
 * finds fewer of them knows how many its forerunner changed. One document per pass; whoever writes it says which
 * version it has read, so two erasers with the same pass can't both go on.
 */
export class Ledger {
  private there = false

  constructor(
    private readonly store: Store,
    private readonly systemId: string,
  ) {}

  /** Creates the index when it is missing. Idempotent. */
  async prepare(): Promise<void> {
    if (this.there) return
    const existing = await this.store.callIfThere(z.unknown(), {
      method: 'GET',
      path: `/${RECEIPTS}/_settings`,
    })
    if (existing === null) {
      await this.store
        .call(z.unknown(), { method: 'PUT', path: `/${RECEIPTS}`, body: receiptsIndex })
        .catch((error: unknown) => {
          // Another eraser was faster.
          if (!(error instanceof StoreError && error.kind === 'resource_already_exists_exception'))
            throw error
        })
    }
    this.there = true
  }

  /** What is known of each pass, in order; reads the latest writing, refreshed or not. */
  async entries(keys: readonly ReceiptKey[]): Promise<Entry[]> {
    const docs = await this.documents(keys.map((key) => this.idOf(key)))
    return docs.map(entryOf)
  }

  private async documents(ids: readonly string[]): Promise<(z.output<typeof got> | undefined)[]> {
    if (ids.length === 0) return []
    const answer = await this.store.callIfThere(z.object({ docs: z.array(got) }), {
      method: 'POST',
      path: `/${RECEIPTS}/_mget`,
      body: { ids },
    })
    return ids.map((_id, at) => answer?.docs[at])
  }

  /**
   * What is known of each pass, in order. A pass without an entry comes with that of the latest one of its step,
   * which may have ended in the middle, or have failed without anybody telling what it did.
   */
  async remembered(passes: readonly StepKey[]): Promise<Remembered[]> {
    if (passes.length === 0) return []
    const ids = [...passes.map((pass) => this.idOf(pass)), ...passes.map((pass) => this.idOfStep(pass))]
    const docs = await this.documents(ids)
    const own = docs.slice(0, passes.length).map(entryOf)
    const steps = docs.slice(passes.length)
    for (const step of steps) if (step?.error !== undefined) entryOf(step)
    const earlier = passes.map(({ passId }, at) =>
      own[at]?.version ? [] : (steps[at]?._source?.passes ?? []).filter((other) => other !== passId),
    )
    const keys = earlier.flatMap((ids, at) =>
      ids.map((passId) => ({ requestId: passes[at]?.requestId ?? '', passId })),
    )
    const entries = await this.entries(keys)
    let from = 0
    return passes.map((_pass, at) => {
      const ofStep = entries.slice(from, from + (earlier[at]?.length ?? 0))
      from += ofStep.length
      return {
        own: own[at] ?? NOTHING,
        before: ofStep.findLast(({ version }) => version !== null) ?? null,
        passes: steps[at]?._source?.passes ?? [],
      }
    })
  }

  /** Writes intents, and each pass into the list of its step; as `write`. */
  async intend(
    writings: readonly (Writing & Pick<Remembered, 'passes'>)[],
    now: number,
  ): Promise<(Failure | NonNullable<Entry['version']>)[]> {
    const steps = writings.flatMap(({ key, passes }) => [
      { index: { _id: this.idOfStep(key) } },
      {
        ...{ kind: 'pass', system: this.systemId, request: key.requestId, at: now },
        passes: [...passes.filter((other) => other !== key.passId), key.passId].slice(-MOST_PASSES),
      },
    ])
    return this.write(writings, now, steps)
  }

  /** Writes entries; a failure per writing, in order, or the version written. */
  async write(
    writings: readonly Writing[],
    now: number,
    more: readonly unknown[] = [],
  ): Promise<(Failure | NonNullable<Entry['version']>)[]> {
    if (writings.length === 0) return []
    const lines = writings.flatMap(({ key, entry: { done, open, by, told, version }, receipt }) => [
      version
        ? { index: { _id: this.idOf(key), if_seq_no: version.seqNo, if_primary_term: version.primaryTerm } }
        : { create: { _id: this.idOf(key) } },
      {
        ...{
          kind: 'pass',
          system: this.systemId,
          request: key.requestId,
          pass: key.passId,
          at: now,
          done,
          open,
          by,
          told,
        },
        ...(receipt ? { body: receipt.body, outcome: JSON.stringify(receipt.outcome) } : {}),
      },
    ])
    const answer = await this.store.call(written, {
      method: 'POST',
      path: `/${RECEIPTS}/_bulk`,
      lines: [...lines, ...more],
    })
    return writings.map((_writing, at) => {
      const besides = more.length > 0 ? answer.items[writings.length + at]?.index : undefined
      if (more.length > 0 && besides?._seq_no === undefined)
        return meaningOf(besides?.status ?? 500, besides?.error?.type ?? 'none')
      const item = answer.items[at]?.index ?? answer.items[at]?.create
      if (item?.status === 409) return { code: 'pass_taken', errorClass: 'retryable' }
      if (item?._seq_no === undefined || item._primary_term === undefined)
        return meaningOf(item?.status ?? 500, item?.error?.type ?? 'none')
      return { seqNo: item._seq_no, primaryTerm: item._primary_term }
    })
  }

  async receipts(keys: readonly ReceiptKey[]): Promise<Receipt[]> {
    const entries = await this.entries(keys)
    return keys.flatMap(({ requestId, passId }, at) => {
      const body = entries[at]?.body
      return body ? [{ requestId, passId, body }] : []
    })
  }

  /** Counts a batch of receipts by the version of a document: a store that shows a lower one was restored. */
  async mark(now: number): Promise<void> {
    await this.store.call(z.unknown(), {
      method: 'POST',
      path: `/${RECEIPTS}/_bulk`,
      lines: [
        { index: { _id: `receipts.${this.systemId}` } },
        { kind: 'receipts', system: this.systemId, at: now },
      ],
    })
  }

  async marker(): Promise<Marker> {
    const answer = await this.store.callIfThere(markerDocs, {
      method: 'POST',
      path: `/${RECEIPTS}/_mget`,
      body: { ids: [`marker.${this.systemId}`, `receipts.${this.systemId}`] },
    })
    const [marker, receipts] = answer?.docs ?? []
    for (const doc of answer?.docs ?? []) refuseUntold(doc.error)
    return { found: marker?._source?.value ?? null, receipts: receipts?._version ?? 0 }
  }

  /** Entries older than `before` go; returns how many receipts did. */
  async prune(before: Date): Promise<number> {
    await this.prepare()
    let receipts = 0
    for (;;) {
      await refresh(this.store, [RECEIPTS])
      const answer = await this.store.call(oldEntries, {
        method: 'POST',
        path: `/${RECEIPTS}/_search`,
        query: { allow_partial_search_results: false },
        body: { size: 1_000, _source: ['body'], query: this.olderThan(before) },
      })
      const { hits } = answer.hits
      if (hits.length === 0) return receipts
      const lines = hits.map(({ _id }) => ({ delete: { _id } }))
      const removed = await this.store.call(deleted, { method: 'POST', path: `/${RECEIPTS}/_bulk`, lines })
      if (removed.errors) throw new StoreError(500, 'none')
      receipts += hits.filter(({ _source }) => _source?.body !== undefined).length
    }
  }

  private olderThan(before: Date) {
    const mine = [{ term: { kind: 'pass' } }, { term: { system: this.systemId } }]
    return { bool: { filter: [...mine, { range: { at: { lt: before.getTime() } } }] } }
  }

  private idOf({ requestId, passId }: ReceiptKey): string {
    return this.hashed([requestId, passId])
  }

  private idOfStep({ requestId, stepId }: StepKey): string {
    return this.hashed([requestId, stepId, 'step'])
  }

  /** Fixed length, whatever request and pass are called. */
  private hashed(name: readonly string[]): string {
    return createHash('sha256')
      .update(JSON.stringify([this.systemId, ...name]))
      .digest('base64url')
  }
}

const item = z.object({
  status: z.number(),
  _seq_no: z.number().optional(),
  _primary_term: z.number().optional(),
  error: z.object({ type: z.string() }).optional(),
})
const written = z.object({ items: z.array(z.object({ index: item.optional(), create: item.optional() })) })
const deleted = z.object({ errors: z.boolean() })
const oldEntries = z.object({
  hits: z.object({
    hits: z.array(
      z.object({ _id: z.string(), _source: z.object({ body: z.string().optional() }).optional() }),
    ),
  }),
})

const NOTHING: Entry = {
  ...{ done: {}, open: {}, by: '', told: false },
  ...{ body: null, outcome: null, version: null },
}

function entryOf(doc: z.output<typeof got> | undefined): Entry {
  refuseUntold(doc?.error)
  const source = doc?._source
  if (!source || doc?._seq_no === undefined || doc._primary_term === undefined) return NOTHING
  return {
    done: source.done,
    open: source.open,
    by: source.by,
    told: source.told,
    body: source.body ?? null,
    outcome: source.outcome ? (JSON.parse(source.outcome) as Outcome) : null,
    version: { seqNo: doc._seq_no, primaryTerm: doc._primary_term },
  }
}

/** A document that can't be told to be there or not: its shard is away, or its index refuses everybody. */
function refuseUntold(error: unknown): void {
  if (error === undefined || indexMissing(error)) return
  if (typeOf(error) === 'cluster_block_exception') throw new StoreError(403, 'cluster_block_exception')
  throw new StoreError(503, 'none')
}

const typeOf = (error: unknown) => (error as { type?: unknown } | null)?.type

/** Before the first receipt there is no index, and so nothing to read. */
function indexMissing(error: unknown): boolean {
  return typeOf(error) === 'index_not_found_exception'
}
