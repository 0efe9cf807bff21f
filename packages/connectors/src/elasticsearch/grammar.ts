import type { IdentifierType, MapContext, MapKind, OwnProblem } from '@lethe/data-map'
import { z } from 'zod'
import { CANNOT_END, canEnd } from '../until.js'
import { parseIndexName } from './index-name.js'

const IDENTIFIER = /^(user_id|email|phone|vendor:[a-z0-9][a-z0-9_-]*)$/
const identifierName = z.custom<IdentifierType>(
  (value) => typeof value === 'string' && IDENTIFIER.test(value),
  'write user_id, email, phone or vendor:<name>',
)

const indexName = z.string('write an index name').superRefine((text, context) => {
  const parsed = parseIndexName(text)
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.message })
})

/** Dotted path of a field inside a document. */
const fieldName = z
  .string('write a field')
  .regex(/^[^.*?\s]+(\.[^.*?\s]+)*$/, 'write one field, e.g. user_id or owner.id, without wildcards')

const replacement = z.union(
  [
    z.string(),
    z.number(),
    z.boolean(),
    z.null(),
    z.strictObject({ random: z.enum(['email', 'uuid', 'text', 'int']) }),
  ],
  'write a value, null, or { random: email | uuid | text | int }; a hash is not a replacement',
)
export type Replacement = z.output<typeof replacement>

const retain = z.strictObject({
  ground: z.string('name the legal ground, e.g. 17(3)(b)').min(1, 'name the legal ground, e.g. 17(3)(b)'),
  citation: z.string('cite the law that asks for it').min(1, 'cite the law that asks for it'),
  until: z
    .string()
    .regex(
      /^(P(?=\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)? from [^.*?\s]+(\.[^.*?\s]+)*|\d{4}-\d{2}-\d{2})$/,
      'write a date (2031-12-31) or a time from a field (P7Y from created_at)',
    )
    .refine(canEnd, CANNOT_END)
    .optional(),
})
export type Retain = z.output<typeof retain>

const index = z
  .strictObject({
    name: indexName,
    by: fieldName,
    identifier: identifierName.optional(),
    /**
     * What documents are routed by. Changes nothing: no mapping proves that every document was routed so, and
     * one that was not would stay. Every search and deletion asks all shards.
     */
    routing: identifierName.optional(),
    method: z.enum(['delete', 'redact', 'retain'], 'write delete, redact or retain'),
    set: z.record(fieldName, replacement).optional(),
    /** A list that several people share: what names this person is taken out of it, the others stay. */
    pull: fieldName.optional(),
    /** What a law keeps, whole, until a date; then it is deleted. */
    retain: retain.optional(),
    createdAt: fieldName.optional(),
    category: z.string().optional(),
    basis: z.string().optional(),
  })
  .superRefine((value, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    const pulls = value.pull !== undefined
    if (value.method === 'redact' && !value.set && !pulls)
      refuse('set', 'redact needs set:, what to write instead, or pull:, the list to take the person out of')
    for (const key of ['set', 'pull'] as const)
      if (value.method !== 'redact' && value[key]) refuse(key, `${key}: belongs to method: redact`)
    if (value.method === 'retain' && !value.retain)
      refuse('retain', 'name ground and citation of what is retained')
    if (value.method !== 'retain' && value.retain)
      refuse('retain', 'what is retained is kept whole: use method: retain')
    if (value.pull !== undefined && value.by !== value.pull && !value.by.startsWith(`${value.pull}.`))
      refuse('pull', `name the list that "${value.by}" stands in`)
    for (const path of Object.keys(value.set ?? {}))
      if (pulls && (path === value.pull || path.startsWith(`${value.pull}.`)))
        refuse('set', `"${path}" is pulled: leave it out of set:`)
    if (value.set && !pulls && !(value.by in value.set))
      refuse('set', `replace "${value.by}" as well: a document that keeps it still leads to the person`)
    for (const path of Object.keys(value.set ?? {}))
      if (Object.keys(value.set ?? {}).some((other) => other.startsWith(`${path}.`)))
        refuse('set', `"${path}" is replaced as a whole: remove the fields below it`)
    if (/e_?mail|phone/i.test(value.by) && !value.identifier)
      refuse('identifier', `say what "${value.by}" is compared with, e.g. identifier: email`)
  })
export type ElasticsearchElement = z.output<typeof index>

export const elasticsearchSystem = z.strictObject({
  /** OpenSearch speaks a dialect of its own and needs its own client. */
  flavour: z
    .enum(['elasticsearch', 'opensearch'], 'write elasticsearch or opensearch')
    .default('elasticsearch'),
  indices: z.array(index, 'list the indices under indices:').min(1, 'list at least one index'),
  /** `index.field`s that look like an identifier of a person and are none: the probe leaves them out. */
  ignore: z
    .array(z.string().regex(/^[^.\s*?]+(\.[^.\s*?]+)+$/, 'write index.field, e.g. audit.user_id'))
    .optional(),
})
export type ElasticsearchSystem = z.output<typeof elasticsearchSystem>

function identifiers(system: ElasticsearchSystem, canonical: IdentifierType): readonly IdentifierType[] {
  return [...new Set(system.indices.map((one) => one.identifier ?? canonical))].sort()
}

function check(system: ElasticsearchSystem, { tenant }: MapContext): readonly OwnProblem[] {
  const problems: OwnProblem[] = []
  for (const [at, one] of system.indices.entries()) {
    const same = (other: ElasticsearchElement) =>
      other.name === one.name && other.by === one.by && other.identifier === one.identifier
    if (system.indices.findIndex(same) < at)
      problems.push({
        path: ['indices', at],
        message: 'this index is listed twice with the same by: remove one',
      })
    if ('none' in tenant && one.name.includes('{tenant}'))
      problems.push({
        path: ['indices', at, 'name'],
        message: 'this map has no tenants: remove {tenant} or give tenant:',
      })
  }
  return problems
}

/** The kind as the data map needs it, without a client. */
export const elasticsearchKind: MapKind<ElasticsearchSystem> = {
  kind: 'elasticsearch',
  stage: 'search',
  system: elasticsearchSystem,
  identifiers,
  check,
}
