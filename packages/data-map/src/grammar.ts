import { z } from 'zod'
import { durationMs } from './duration.js'
import type { IdentifierType, TenantRule } from './types.js'

const IDENTIFIER = /^(user_id|email|phone|vendor:[a-z0-9][a-z0-9_-]*)$/

/** 63 characters so that it fits a topic group, a PostgreSQL name and a host name. */
export const systemIdSchema = z
  .string()
  .max(63, 'a system name has at most 63 characters: shorten it')
  .regex(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    'a system name has lower-case letters, digits and single hyphens and starts with a letter: rename it, e.g. shop-pg',
  )

export const identifierTypeSchema = z
  .string()
  .regex(IDENTIFIER, 'write user_id, email, phone or vendor:<name>')
  .transform((type) => type as IdentifierType)

const durationSchema = z
  .string('write an ISO 8601 duration such as P30D or PT5S')
  .refine((text) => durationMs(text) !== null, 'write an ISO 8601 duration such as P30D or PT5S')

const backupSchema = z.strictObject({
  name: z.string().min(1, 'give the backup a name, e.g. nightly'),
  keep: durationSchema,
})

const tenantSchema = z
  .union(
    [
      z.strictObject({ column: z.string().min(1) }),
      z.strictObject({ constant: z.string().min(1) }),
      z.strictObject({ none: z.literal(true) }),
    ],
    'write exactly one of { column: <name> }, { constant: <tenant> } or { none: true }',
  )
  .transform((rule): TenantRule => rule)

/** The keys every system section may have, whatever its kind. */
export const commonSchema = z.strictObject({
  kind: z.string('name the kind of system, e.g. postgres').min(1, 'name the kind of system, e.g. postgres'),
  connection: z
    .string()
    .regex(
      /^[A-Z][A-Z0-9_]*$/,
      'name the secret (capitals, digits, underscores), never write the secret itself',
    )
    .optional(),
  resolves: z
    .record(
      identifierTypeSchema,
      z.string().regex(/^[^.\s]+\.[^.\s]+(\.[^.\s]+)?$/, 'write table.column, e.g. users.email'),
    )
    .optional(),
  ceiling: z
    .int('write a whole number of records')
    .min(1, 'write a number of records of at least 1')
    .optional(),
  backups: z.array(backupSchema, 'write a list, e.g. [{ name: nightly, keep: P30D }]').optional(),
  after: z.array(systemIdSchema, 'write a list of system names').optional(),
  derivedFrom: z.array(systemIdSchema, 'write a list of system names').optional(),
  settle: durationSchema.optional(),
  notApplicable: z
    .string('say why this system holds nothing of a person')
    .min(1, 'say why this system holds nothing of a person')
    .optional(),
})
export type CommonSection = z.output<typeof commonSchema>

/** The document around the system sections. */
export const envelopeSchema = z.strictObject({
  version: z
    .int('write a whole number, one more with every change')
    .min(1, 'write a whole number of at least 1'),
  tenant: tenantSchema,
  identifiers: z.strictObject({
    canonical: identifierTypeSchema,
    alias: z.array(identifierTypeSchema, 'write a list of identifier types').default([]),
  }),
  systems: z
    .record(
      systemIdSchema,
      z.record(z.string(), z.unknown(), 'write the keys of the system, first of all kind:'),
    )
    .refine((systems) => Object.keys(systems).length > 0, 'list at least one system'),
})
export type Envelope = z.output<typeof envelopeSchema>
