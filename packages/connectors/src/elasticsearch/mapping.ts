import type { IdentifierType } from '@lethe/eraser-kit'
import { z } from 'zod'

/** A field of a mapping, as far as this connector reads it. */
export interface MappedField {
  readonly type?: string | undefined
  readonly properties?: Readonly<Record<string, MappedField>> | undefined
  readonly fields?: Readonly<Record<string, MappedField>> | undefined
  readonly ignore_above?: number | undefined
  readonly normalizer?: string | undefined
  readonly index?: boolean | undefined
}

const mappedField: z.ZodType<MappedField> = z.lazy(() =>
  z.object({
    type: z.string().optional(),
    properties: z.record(z.string(), mappedField).optional(),
    fields: z.record(z.string(), mappedField).optional(),
    ignore_above: z.number().optional(),
    normalizer: z.string().optional(),
    index: z.boolean().optional(),
  }),
)

const flag = z.union([z.boolean(), z.string()]).transform((value) => value === true || value === 'true')
const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat())

/** What `GET /<index>` says of each concrete index. */
export const indexInfo = z.object({
  aliases: z.record(
    z.string(),
    z.object({
      filter: z.unknown().optional(),
      index_routing: z.string().optional(),
      search_routing: z.string().optional(),
    }),
  ),
  mappings: z.object({
    properties: z.record(z.string(), mappedField).default({}),
    _source: z.object({ enabled: flag.optional(), excludes: z.array(z.string()).optional() }).optional(),
  }),
  settings: z.object({
    index: z.object({
      verified_before_close: flag.optional(),
      uuid: z.string().optional(),
      blocks: z.object({ read: flag.nullish(), write: flag.nullish() }).optional(),
      hidden: flag.nullish(),
      number_of_replicas: z.string().optional(),
      auto_expand_replicas: z.string().optional(),
      mapping: z.object({ ignore_above: z.coerce.number().optional() }).optional(),
      analysis: z
        .object({
          normalizer: z
            .record(z.string(), z.object({ filter: oneOrMore.optional(), char_filter: oneOrMore.optional() }))
            .optional(),
        })
        .optional(),
    }),
  }),
  data_stream: z.string().optional(),
})
export type IndexInfo = z.output<typeof indexInfo>

/** A field whose values are compared as a whole and byte by byte (e-mails: with A to Z folded). */
export interface ExactField {
  /** What queries name: the field itself, or its keyword subfield. */
  readonly path: string
  readonly holds: 'text' | 'integer'
  /** Longest value that is indexed at all, in characters; longer ones can't be found. */
  readonly longest: number
}

export type FieldProblem = 'missing_field' | 'inexact_field' | 'nested_field' | 'unindexed_field'

/** Lucene keeps no term of more bytes than this; a character takes four at most. */
const LONGEST_TERM = Math.floor(32_766 / 4)
const INTEGERS = new Set(['long', 'integer', 'short', 'byte', 'unsigned_long'])

/** The field to compare identifiers with, or why there is none that compares exactly. */
export function exactField(
  info: IndexInfo,
  path: string,
  type: IdentifierType | null,
): ExactField | FieldProblem {
  const found = fieldAt(info.mappings.properties, path)
  if (typeof found === 'string') return found
  const own = asExact(info, path, found, type)
  if (typeof own !== 'string' || found.type !== 'text') return own
  const subfields = Object.entries(found.fields ?? {}).map(([name, field]) =>
    asExact(info, `${path}.${name}`, field, type),
  )
  return subfields.find((field) => typeof field !== 'string' && field.holds === 'text') ?? own
}

/** The mapped field at a dotted path, or what is wrong with the path. */
export function fieldAt(
  properties: Readonly<Record<string, MappedField>>,
  path: string,
): MappedField | 'missing_field' | 'nested_field' {
  let level: Readonly<Record<string, MappedField>> | undefined = properties
  let field: MappedField | undefined
  for (const part of path.split('.')) {
    if (field?.type === 'nested') return 'nested_field'
    field = level && Object.hasOwn(level, part) ? level[part] : undefined
    if (!field) return 'missing_field'
    level = field.properties
  }
  return field ?? 'missing_field'
}

function asExact(
  info: IndexInfo,
  path: string,
  field: MappedField,
  type: IdentifierType | null,
): ExactField | FieldProblem {
  if (field.index === false) return 'unindexed_field'
  if (INTEGERS.has(field.type ?? '')) return { path, holds: 'integer', longest: 20 }
  if (field.type !== 'keyword') return field.type === 'nested' ? 'nested_field' : 'inexact_field'
  // A normalizer that folds more than case would take two people for one.
  if (field.normalizer && !(type === 'email' && foldsCaseOnly(info, field.normalizer))) return 'inexact_field'
  const limits = [LONGEST_TERM, field.ignore_above, info.settings.index.mapping?.ignore_above]
  return { path, holds: 'text', longest: Math.min(...limits.filter((limit) => limit !== undefined)) }
}

function foldsCaseOnly(info: IndexInfo, name: string): boolean {
  const own = info.settings.index.analysis?.normalizer?.[name]
  if (!own) return name === 'lowercase'
  return (own.char_filter ?? []).length === 0 && (own.filter ?? []).join() === 'lowercase'
}

/** Every field of a mapping by its dotted path, subfields left out. */
export function allFields(properties: Readonly<Record<string, MappedField>>, before = ''): string[] {
  return Object.entries(properties).flatMap(([name, field]) =>
    field.properties ? allFields(field.properties, `${before}${name}.`) : [`${before}${name}`],
  )
}
