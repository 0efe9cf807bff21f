import { z } from 'zod'
import { type BulkVerb, bulkVerbs, type Verb } from '../../domain/permissions.js'
import { exportQuery, nameShape, requestIdPattern, systemIdShape, tenantShape } from './queries.js'

// Bodies of the calls that change something. What stands in them goes on to `request` and is kept nowhere here.

export const signInBody = z
  .object({ token: z.string().regex(/^[\x21-\x7e]{1,8000}$/, 'is the token of a service credential') })
  .strict()

const freeText = z.string().min(1).max(4_000)
const epochMs = z.number().int().min(0).max(8_640_000_000_000_000)
const identifier = z
  .object({
    type: z
      .string()
      .regex(
        /^(user_id|email|phone|vendor:[a-z0-9_-]{1,40})$/,
        'must be user_id, email, phone or vendor:<name>',
      ),
    value: z.string().min(1).max(512),
  })
  .strict()

export const nothingBody = z.object({}).strict()

export const personBody = z
  .object({ tenantId: tenantShape, identifiers: z.array(identifier).min(1).max(20) })
  .strict()

/** By verb, as `request` takes them: it decides, and says what is wrong with a value. */
export const actionBodies = {
  approve: z.object({ identifiers: z.array(identifier).min(1).max(20).optional() }).strict(),
  refuse: z.object({ ground: z.string().min(1).max(100), citation: z.string().min(1).max(1_000) }).strict(),
  hold: z.object({ reason: freeText.optional() }).strict(),
  release: z.object({ holdId: z.uuid().optional() }).strict(),
  extend: z
    .object({ newDueAt: epochMs.optional(), notifiedAt: epochMs.optional(), reason: freeText.optional() })
    .strict(),
  cancel: z.object({}).strict(),
  retry: z.object({ systemId: systemIdShape }).strict(),
  reprobe: z.object({ systemId: systemIdShape }).strict(),
  take: z.object({ systemId: systemIdShape }).strict(),
  attest: z
    .object({
      systemId: systemIdShape,
      outcome: z.enum(['erased', 'not_found']),
      records: z.number().int().min(0).max(1_000_000_000).optional(),
      doneAt: epochMs.optional(),
      reference: z.string().min(1).max(200),
      note: freeText.optional(),
    })
    .strict(),
  evidence: z.object({ systemId: systemIdShape }).strict(),
} as const satisfies Record<Verb, z.ZodObject>

/** `ids` as the list gives them; without them all of the group that fit and did not fail again too often. */
export const redriveBody = z
  .object({
    group: nameShape,
    topic: nameShape.optional(),
    code: nameShape.optional(),
    ids: z
      .array(
        z.string().regex(/^[A-Za-z0-9._-]{1,200}\/[0-9]{1,10}\/[0-9]{1,19}$/, 'is not one the list gave'),
      )
      .min(1)
      .max(1_000)
      .optional(),
    dryRun: z.boolean(),
    rate: z.number().int().min(1).max(1_000).default(100),
  })
  .strict()

/** As for one request, without what is one request's own: who is meant by it, and which of its holds. */
const { take: _, attest: __, evidence: ___, ...ofMany } = actionBodies
export const bulkBodies = {
  ...ofMany,
  approve: z.object({}).strict(),
  release: z.object({}).strict(),
} as const satisfies Record<BulkVerb, z.ZodObject>

/** `list` as the list of requests takes it in its address. */
export const bulkBody = z
  .object({
    verb: z.enum(bulkVerbs),
    list: exportQuery,
    except: z.array(z.string().regex(requestIdPattern, 'is the id of a request')).max(1_000).default([]),
  })
  .strict()
