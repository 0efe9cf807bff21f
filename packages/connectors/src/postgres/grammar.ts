import { z } from 'zod'
import { CANNOT_END, canEnd } from '../until.js'

/**
 * The `postgres` part of a data map, without the vendor's client: `request` compiles plans with it.
 * Parsing is idempotent on plain JSON, so that an eraser may parse again what it was sent.
 */

const name = z
  .string()
  .min(1, 'write a name')
  .max(63, 'a PostgreSQL name has at most 63 bytes')
  .refine((text) => !text.includes('.') && !text.includes('\0'), 'write one name, without dots')

const tableName = z
  .string()
  .regex(/^[^.\s"]+(\.[^.\s"]+)?$/, 'write a table, or schema.table')
  .max(127, 'a table name is at most schema.table')

const columnOfTable = z
  .string()
  .regex(/^[^.\s"]+\.[^.\s"]+(\.[^.\s"]+)?$/, 'write table.column, e.g. users.email')

const owner = z
  .string()
  .regex(
    /^[^.\s"]+(\.[^.\s"]+){0,2}$/,
    'write the new owner as a column, or as table.column of the table it belongs to',
  )

const IDENTIFIER = /^(user_id|email|phone|vendor:[a-z0-9][a-z0-9_-]*)$/
export type IdentifierName = 'user_id' | 'email' | 'phone' | `vendor:${string}`
const identifierName = z.custom<IdentifierName>(
  (value) => typeof value === 'string' && IDENTIFIER.test(value),
  'write user_id, email, phone or vendor:<name>',
)

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

const jsonPath = z
  .string()
  .regex(
    /^[^.*[\]$]+(\.[^.*[\]$]+)*$/,
    'write a path of names separated by dots, without wildcards, e.g. device.ip',
  )

const retain = z.strictObject({
  ground: z.string().min(1, 'name the legal ground, e.g. 17(3)(b)'),
  citation: z.string().min(1, 'cite the law that asks for it'),
  until: z
    .string()
    .regex(
      /^(P(?=\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)? from [^\s.]+|\d{4}-\d{2}-\d{2})$/,
      'write a date (2031-12-31) or a time from a column (P7Y from created_at)',
    )
    .refine(canEnd, CANNOT_END)
    .optional(),
})
export type Retain = z.output<typeof retain>

const mentions = z.strictObject({
  column: name,
  as: z.string().min(1),
  handle: identifierName.optional(),
})

const element = z
  .strictObject({
    table: tableName,
    by: name,
    identifier: identifierName.optional(),
    via: tableName.optional(),
    method: z.enum(['delete', 'redact', 'detach', 'reassign', 'retain'], {
      error: 'write delete, redact, detach, reassign or retain',
    }),
    set: z.record(name, replacement).optional(),
    json: z.record(name, z.array(jsonPath).min(1)).optional(),
    mentions: mentions.optional(),
    to: z.string().min(1).optional(),
    row: z.record(name, z.union([z.string(), z.number(), z.boolean()])).optional(),
    when: z.literal('shared').optional(),
    /** Where others stand who share the thing; without it, it is shared when its new owner is somebody else. */
    sharedIn: columnOfTable.optional(),
    else: z.literal('delete').optional(),
    category: z.string().optional(),
    basis: z.string().optional(),
    assessment: z.string().optional(),
    createdAt: name.optional(),
    retain: retain.optional(),
  })
  .superRefine((value, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    const changes = value.set || value.json
    if (value.method === 'redact' && !changes && !value.mentions)
      refuse('method', 'redact needs set:, json: or mentions:')
    if (value.method !== 'redact' && value.mentions) refuse('mentions', 'mentions: belongs to method: redact')
    if (value.method !== 'redact' && value.method !== 'detach' && changes)
      refuse('method', 'set: and json: belong to method: redact or detach')
    if (value.method === 'detach' && value.to !== 'deleted-row')
      refuse('to', 'detach needs to: deleted-row, the shared row the reference is repointed to')
    if (value.method === 'detach' && value.set && value.by in value.set)
      refuse('set', `detach repoints "${value.by}" itself: leave it out of set:`)
    if (value.method === 'retain' && !value.retain)
      refuse('retain', 'name ground and citation of what is retained')
    if ((value.method === 'delete' || value.method === 'reassign') && value.retain)
      refuse(
        'retain',
        `what is ${value.method === 'delete' ? 'deleted' : 'reassigned'} cannot be retained: use method: retain`,
      )
    refuseReassign(value, refuse)
    if (/e_?mail|phone/i.test(value.by) && !value.identifier)
      refuse('identifier', `say what "${value.by}" is compared with, e.g. identifier: email`)
  })
export type PostgresElement = z.output<typeof element>

interface Reassigning {
  readonly method: string
  readonly via?: string | undefined
  readonly to?: string | undefined
  readonly when?: string | undefined
  readonly sharedIn?: string | undefined
  readonly else?: string | undefined
}

function refuseReassign(value: Reassigning, refuse: (path: string, message: string) => void): void {
  if (value.method !== 'reassign') {
    for (const key of ['when', 'sharedIn', 'else'] as const)
      if (value[key] !== undefined) refuse(key, `${key}: belongs to method: reassign`)
    if (value.to !== undefined && value.method !== 'detach')
      refuse('to', 'to: belongs to method: detach or reassign')
    return
  }
  if (!owner.safeParse(value.to).success)
    refuse(
      'to',
      'reassign needs to:, the column that names the new owner, or table.column where a foreign key leads there',
    )
  if (value.via) refuse('via', 'reassign changes the column by: names: map the table it stands in')
  if (value.when && !value.else)
    refuse('else', 'say what becomes of things that are not shared: else: delete')
  if (value.sharedIn && !value.when) refuse('when', 'sharedIn: says what is shared: add when: shared')
}

export const postgresSystem = z.strictObject({
  elements: z.array(element, 'list the tables under elements:').min(1, 'list at least one table'),
  /** Identifier type → table.column: how known identifiers lead to the others. */
  resolves: z.record(z.string().regex(IDENTIFIER), columnOfTable).optional(),
  /** Columns that look like an identifier of a person and are none: the probe leaves them out. */
  ignore: z.array(columnOfTable).optional(),
})
export type PostgresSystem = z.output<typeof postgresSystem>

/** The identifier types a section needs to find a person by itself. */
export function postgresIdentifiers(system: PostgresSystem, canonical: IdentifierName): IdentifierName[] {
  const types = new Set<IdentifierName>()
  for (const one of system.elements) {
    types.add(one.identifier ?? canonical)
    if (one.mentions) types.add(one.mentions.handle ?? canonical)
  }
  // The probe looks for every identifier that a resolver may lead to, so it needs all of them.
  for (const type of Object.keys(system.resolves ?? {})) types.add(type as IdentifierName)
  return [...types].sort()
}

/** The kind as the data map needs it; the connector itself adds sessions. */
export const postgresKind = {
  kind: 'postgres',
  stage: 'record',
  system: postgresSystem,
  identifiers: postgresIdentifiers,
} as const
