import { z } from 'zod'
import type { Store } from './store.js'

/** One field as the probe sees it. */
export interface ProbeField {
  /** Dotted path inside a document. */
  readonly path: string
  /** What a query names. */
  readonly searched: string
  /** What holds the value as a whole: the field, or a keyword beside an analysed text; null when nothing does. */
  readonly whole: string | null
  readonly as: 'keyword' | 'integer' | 'text' | 'unsearchable'
  /** Path of the nested documents it stands in. */
  readonly nested: string | null
  /** Longer values are in documents but not in the index. */
  readonly longest: number
}

export interface ProbeIndex {
  readonly name: string
  readonly aliases: readonly string[]
  readonly closed: boolean
  readonly fields: readonly ProbeField[]
}

interface RawField {
  readonly type?: string | undefined
  readonly properties?: Readonly<Record<string, RawField>> | undefined
  readonly fields?: Readonly<Record<string, RawField>> | undefined
  readonly ignore_above?: number | undefined
  readonly index?: boolean | undefined
}
const rawField: z.ZodType<RawField> = z.lazy(() =>
  z.object({
    type: z.string().optional(),
    properties: z.record(z.string(), rawField).optional(),
    fields: z.record(z.string(), rawField).optional(),
    ignore_above: z.number().optional(),
    index: z.boolean().optional(),
  }),
)
const everything = z.record(
  z.string(),
  z.object({
    aliases: z.record(z.string(), z.unknown()).default({}),
    mappings: z
      .object({ properties: z.record(z.string(), rawField).default({}) })
      .default({ properties: {} }),
    settings: z
      .object({
        index: z
          .object({
            verified_before_close: z.union([z.string(), z.boolean()]).optional(),
            mapping: z.object({ ignore_above: z.coerce.number().optional() }).optional(),
            blocks: z.object({ read: z.union([z.string(), z.boolean()]).nullish() }).optional(),
          })
          .optional(),
      })
      .optional(),
  }),
)

type Seen = z.output<typeof everything>
/** What leads to the copy that stands for an index while a gate keeps everybody out of that one. */
const STANDS_FOR = 'lethe-behind-'

/** Indices with the names that lead to them: a copy behind a shut gate under all names of the index it stands for. */
function behindGates(seen: Seen): [string, Seen[string], string[]][] {
  const refuses = (name: string) => String(seen[name]?.settings?.index?.blocks?.read) === 'true'
  const standsFor = (aliases: readonly string[]) =>
    aliases
      .flatMap((alias) => (alias.startsWith(STANDS_FOR) ? [alias.slice(STANDS_FOR.length)] : []))
      .find(refuses)
  const copied = new Set(Object.values(seen).map(({ aliases }) => standsFor(Object.keys(aliases))))
  return Object.entries(seen).flatMap(([name, info]): [string, Seen[string], string[]][] => {
    if (copied.has(name)) return []
    const aliases = Object.keys(info.aliases)
    const original = standsFor(aliases)
    const names = original === undefined ? aliases : [original, ...Object.keys(seen[original]?.aliases ?? {})]
    return [[name, info, names]]
  })
}

/** Every index there is, hidden and closed ones and those behind data streams included. */
export async function readShape(store: Store): Promise<ProbeIndex[]> {
  const answer = await store.callIfThere(everything, {
    method: 'GET',
    path: '/_all',
    query: { expand_wildcards: 'all' },
  })
  return behindGates(answer ?? {})
    .filter(([name]) => !name.startsWith('lethe-') && (!name.startsWith('.') || name.startsWith('.ds-')))
    .map(([name, info, aliases]) => ({
      name,
      aliases,
      closed: String(info.settings?.index?.verified_before_close) === 'true',
      fields: fieldsOf(
        info.mappings.properties,
        '',
        null,
        info.settings?.index?.mapping?.ignore_above ?? Number.POSITIVE_INFINITY,
      ),
    }))
}

const KEYWORDS = new Set(['keyword', 'wildcard', 'constant_keyword'])
const INTEGERS = new Set(['long', 'integer', 'short', 'byte', 'unsigned_long'])
const TEXTS = new Set(['text', 'match_only_text', 'search_as_you_type'])

function fieldsOf(
  properties: Readonly<Record<string, RawField>>,
  before: string,
  nested: string | null,
  limit: number,
): ProbeField[] {
  return Object.entries(properties).flatMap(([name, field]): ProbeField[] => {
    const path = `${before}${name}`
    if (field.properties)
      return fieldsOf(field.properties, `${path}.`, field.type === 'nested' ? path : nested, limit)
    const longest = Math.min(field.ignore_above ?? limit, limit)
    const subfield = Object.entries(field.fields ?? {}).find(([, { type }]) => type === 'keyword')
    const whole = TEXTS.has(field.type ?? '') ? (subfield ? `${path}.${subfield[0]}` : null) : path
    const base = { path, searched: path, whole, nested, longest }
    if (field.index === false) return [{ ...base, as: 'unsearchable' }]
    if (KEYWORDS.has(field.type ?? '')) return [{ ...base, as: 'keyword' }]
    if (INTEGERS.has(field.type ?? '')) return [{ ...base, as: 'integer' }]
    // The text itself is looked into, not its keyword subfield: that one leaves out what is too long for it.
    if (TEXTS.has(field.type ?? '')) return [{ ...base, as: 'text', longest: Number.POSITIVE_INFINITY }]
    return []
  })
}

const shardsAnswer = z.object({
  shards: z.array(
    z.array(
      z.object({ shard: z.number(), primary: z.boolean(), state: z.string(), node: z.string().nullable() }),
    ),
  ),
})

/**
 * Search preferences that together read the primary copy of every shard once, one per node. There is no
 * preference for primaries themselves since 7.0, so each shard is asked for on the node that holds its primary.
 * Null when a primary is not there.
 */
export async function primaryPreferences(store: Store, index: string): Promise<string[] | null> {
  const { shards } = await store.call(shardsAnswer, {
    method: 'GET',
    path: `/${encodeURIComponent(index)}/_search_shards`,
  })
  const byNode = new Map<string, number[]>()
  for (const copies of shards) {
    const primary = copies.find((copy) => copy.primary && ['STARTED', 'RELOCATING'].includes(copy.state))
    if (!primary?.node) return null
    byNode.set(primary.node, [...(byNode.get(primary.node) ?? []), primary.shard])
  }
  return [...byNode].map(([node, numbers]) => `_shards:${numbers.join(',')}|_only_nodes:${node}`)
}
