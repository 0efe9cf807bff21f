import { regimes } from '@lethe/domain'
import { z } from 'zod'

/** Longer than any identifier a system of the data map can hold. */
const maxValue = 512

const identifierType = z
  .string()
  .regex(/^(user_id|email|phone|vendor:[a-z0-9_-]{1,40})$/, 'must be user_id, email, phone or vendor:<name>')
const identifier = z.object({ type: identifierType, value: z.string().min(1).max(maxValue) }).strict()
const identifiers = z.array(identifier).min(1).max(20)
/** No free text: it stands in every event and on every topic. */
const tenantId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'is the id of a tenant: letters, digits and . _ -')
/** As the law is cited. It stands in events and is shown, so it has no room for an address. */
const legalGround = z
  .string()
  .regex(/^((Art(icle|\.)?|§§?) ?)?[0-9][A-Za-z0-9§(). ,/_-]{0,80}$/, 'is a legal ground such as 17(1)(a)')
const requestId = z.uuid()
/** As the data map names systems; PostgreSQL takes no NUL in a text. */
const systemId = z
  .string()
  .max(63)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'is the name of a system of the data map')
/** `<step>/<reason>`. */
const passId = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'is the id of a pass such as cache#1/initial')
const printable = z.string().regex(/^[\x20-\x7e]{1,200}$/, 'is 1 to 200 printable characters')
/** Queries hold text; a number has digits and nothing else, so that an empty one is not zero. */
const whole = (pattern: RegExp, says: string) => z.string().regex(pattern, says).transform(Number)
const instant = whole(/^[0-9]{1,15}$/, 'is a moment in epoch milliseconds')
const limit = whole(/^([1-9][0-9]?|1[0-9]{2}|200)$/, 'is a number from 1 to 200').prefault('50')
/** What a list gave as nextCursor. */
const cursor = z.string().regex(/^[A-Za-z0-9_-]{1,500}$/, 'is not one this list gave; start again without it')
/** One word, or several separated by commas. */
const listOf = <Word extends string>(words: readonly [Word, ...Word[]]) => {
  const one = `(${words.join('|')})`
  return z
    .string()
    .regex(new RegExp(`^${one}(,${one})*$`), `must be one of ${words.join(', ')}, or several with commas`)
    .transform((text) => text.split(','))
}
const epochMs = z.number().int().min(0).max(8_640_000_000_000_000)
const freeText = z.string().min(1).max(4_000)

export const createBody = z
  .object({
    tenantId,
    identifiers,
    regime: z.enum(Object.keys(regimes) as [string, ...string[]]).default('gdpr'),
    ground: legalGround.default('17(1)(a)'),
    requesterRole: z.enum(['self', 'agent', 'admin', 'service', 'automated']).default('service'),
    identity: z
      .object({
        method: z.string().regex(/^[a-z0-9_.-]{1,64}$/, 'is a short word such as signed_email_link'),
      })
      .strict()
      .default({ method: 'caller_attestation' }),
    graceDays: z.number().int().min(0).max(60).default(7),
    approval: z.enum(['required', 'none']).default('none'),
  })
  .strict()
export type CreateBody = z.infer<typeof createBody>

/** A data map as YAML. */
export const mapCheckBody = z.object({ map: z.string().min(1).max(2_000_000) }).strict()

/** A person, by what they are called. */
export const personBody = z.object({ tenantId, identifiers }).strict()
export const previewBody = personBody

export const clearanceBody = z
  .object({
    systemId,
    purpose: z.enum(['erase', 'probe']),
    passes: z
      .array(z.object({ requestId, passId, attempt: z.number().int().min(1).max(1_000_000) }).strict())
      .min(1)
      .max(10_000),
    /** What the eraser found in its store just before it asked. */
    marker: z
      .object({ value: printable.nullable(), receipts: z.number().int().min(0) })
      .strict()
      .optional(),
  })
  .strict()

const millis = z.number().int().min(0).max(8_640_000_000_000_000)
/** What a process of an eraser or a probe says of itself: codes and numbers, no text. */
export const beatBody = z
  .object({
    role: z.enum(['erase', 'probe']),
    instance: z.uuid(),
    version: z.string().regex(/^[0-9A-Za-z.+-]{1,40}$/, 'is a version'),
    startedAt: millis,
    store: z
      .string()
      .regex(/^[a-z0-9_]{1,60}$/, 'is ok or a code')
      .nullable(),
    windowMs: millis,
    done: z.number().int().min(0),
    failed: z.number().int().min(0),
    pacing: z
      .object({
        size: z.number().int().min(0),
        max: z.number().int().min(0),
        perSecond: z.number().min(0).nullable(),
        waitsMs: millis,
      })
      .strict()
      .nullable(),
  })
  .strict()

/** `after` is the id of the last tombstone already had. */
export const tombstonesBody = z
  .object({
    systemId,
    reason: printable,
    after: z
      .string()
      .regex(/^[\x21-\x7e]{0,200}$/, 'is the id of a tombstone')
      .default(''),
    limit: z.number().int().min(1).max(5_000).default(1_000),
    /** One object for each tombstone, or one list for each field. */
    as: z.enum(['rows', 'columns']).default('rows'),
    /** Instead of a page: the tombstones of whoever has one of these digests. */
    matching: z
      .object({
        tenantId,
        digests: z
          .array(z.string().regex(/^v[0-9]{1,9}\.[A-Za-z0-9_-]{43}$/, 'is a digest of an identifier'))
          .min(1)
          .max(5_000),
      })
      .strict()
      .optional(),
  })
  .strict()

/** What digests are made with, for a replay where only they are left. */
export const peppersBody = z.object({ systemId, reason: printable }).strict()

/** People who were erased by other means, as `lethe tombstones import` reads them. `line` is where each stands in a file. */
export const importBody = z
  .object({
    dryRun: z.boolean().default(false),
    /** Import the good lines beside bad ones; else one bad line keeps all of them out. */
    skipBad: z.boolean().default(false),
    lines: z
      .array(
        z
          .object({
            line: z.number().int().min(1).max(1_000_000_000),
            tenantId,
            identifiers,
            erasedAt: epochMs,
            /** All of the data map's when left out. */
            systems: z.array(systemId).min(1).max(200).optional(),
          })
          .strict(),
      )
      .min(1)
      .max(1_000),
  })
  .strict()

const nothing = z.object({}).strict()

/** An epoch of the vault, as `GET /v1/vault` names it. */
export const epochName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'is the name of an epoch; see GET /v1/vault')
const dryRun = z.boolean().default(false)
export const vaultBodies = {
  /** A new epoch from now on. */
  rotate: z.object({ dryRun }).strict(),
  reseal: z.object({ epoch: epochName, dryRun }).strict(),
  /** `giveUpUnreadable`: also when something needed does not open under the key any more. */
  destroy: z.object({ epoch: epochName, dryRun, giveUpUnreadable: z.boolean().default(false) }).strict(),
  rotatePepper: z.object({ dryRun }).strict(),
} as const
export const commandBodies = {
  /** `identifiers` say who is meant, when the request waits for that. */
  approve: z.object({ identifiers: identifiers.optional() }).strict(),
  /** `citation` is shown to the person and stands in the event: it must not name them. */
  refuse: z.object({ ground: legalGround, citation: z.string().min(1).max(1_000) }).strict(),
  hold: z.object({ reason: freeText.optional() }).strict(),
  release: z.object({ holdId: z.uuid().optional() }).strict(),
  cancel: nothing,
  extend: z
    .object({ newDueAt: epochMs.optional(), notifiedAt: epochMs.optional(), reason: freeText.optional() })
    .strict(),
  retry: z.object({ systemId }).strict(),
  reprobe: z.object({ systemId }).strict(),
  take: z.object({ systemId }).strict(),
  /** What a person says they did by hand. `reference` and `note` are the evidence and go to the vault. */
  attest: z
    .object({
      systemId,
      outcome: z.enum(['erased', 'not_found']),
      records: z.number().int().min(0).max(1_000_000_000).default(0),
      doneAt: epochMs.optional(),
      reference: z.string().min(1).max(200),
      note: freeText.optional(),
    })
    .strict(),
  evidence: z.object({ systemId }).strict(),
} as const

export const statuses = [
  'PENDING',
  'AWAITING_IDENTITY',
  'AWAITING_APPROVAL',
  'SCHEDULED',
  'IN_PROGRESS',
  'AWAITING_VERIFICATION',
  'COMPLETED',
  'PARTIALLY_COMPLETED',
  'FAILED',
  'ON_HOLD',
  'REFUSED',
  'CANCELLED',
] as const

export const listQuery = z
  .object({
    status: listOf(statuses).optional(),
    tenantId: tenantId.optional(),
    systemId: systemId.optional(),
    dueBefore: instant.optional(),
    cursor: cursor.optional(),
    limit,
  })
  .strict()

export const verificationQuery = z
  .object({
    tenantId: tenantId.optional(),
    requestId: requestId.optional(),
    systemId: systemId.optional(),
    result: listOf(['clean', 'residual', 'inconclusive']).optional(),
    cursor: cursor.optional(),
    limit,
  })
  .strict()

export const idempotencyKey = z.string().regex(/^[\x21-\x7e]{1,200}$/)
