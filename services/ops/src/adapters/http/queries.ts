import { regimes } from '@lethe/domain'
import { requestOrders } from '@lethe/request-log'
import { z } from 'zod'
import { findings } from '../pg-matrix.js'

/** Queries hold text; a number has digits and nothing else, so that an empty one is not zero. */
const whole = (pattern: RegExp, says: string) => z.string().regex(pattern, says).transform(Number)
const instant = whole(/^[0-9]{1,15}$/, 'is a moment in epoch milliseconds')
const flag = z
  .string()
  .regex(/^(true|false)$/, 'is true or false')
  .transform((text) => text === 'true')
/** One word, or several separated by commas. */
const listOf = (words: readonly string[]) =>
  z
    .string()
    .regex(
      new RegExp(`^(${words.join('|')})(,(${words.join('|')}))*$`),
      `must be one of ${words.join(', ')}, or several with commas`,
    )
    .transform((text) => text.split(','))

const maxAgeMs = whole(/^[0-9]{1,5}$/, 'is a number of milliseconds up to 99999')
  .prefault('2000')
  .meta({
    description:
      'How old the answer may be, in milliseconds; 0: everything in it is read after the question.',
  })
export const tenantShape = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'is the id of a tenant: letters, digits and . _ -')
export const systemIdShape = z
  .string()
  .max(63)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'is the name of a system of the data map')
/** Codes, topics and groups. */
export const nameShape = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/, 'is a name: letters, digits and . _ -')
const limit = whole(/^([1-9][0-9]?|1[0-9]{2}|200)$/, 'is a number from 1 to 200').prefault('50')
const cursor = z.string().regex(/^[A-Za-z0-9_-]{1,500}$/, 'is not one this list gave; start again without it')

const uuid = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
export const requestIdPattern = new RegExp(`^${uuid}$`)

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

export const freshness = z.object({ maxAgeMs }).strict()

export const erasersQuery = z
  .object({
    maxAgeMs,
    health: listOf(['up', 'rebalancing', 'silent', 'unknown']).optional(),
    verdict: listOf(['up', 'silent', 'missing', 'unusable', 'failing', 'unknown']).optional(),
  })
  .strict()

export const gatesQuery = z
  .object({
    state: z.enum(['open', 'shut']).optional(),
    standing: listOf(['open', 'shut', 'advisory', 'unknown']).optional(),
  })
  .strict()

export const restoresQuery = z
  .object({ systemId: systemIdShape.optional(), underWay: flag.optional(), cursor: cursor.optional(), limit })
  .strict()

export const dataMapQuery = z
  .object({ version: whole(/^[0-9]{1,9}$/, 'is the version of a data map').optional() })
  .strict()

export const noQuery = z.object({}).strict()

export const deadLettersQuery = z
  .object({
    maxAgeMs,
    group: nameShape.optional(),
    topic: nameShape.optional(),
    code: nameShape.optional(),
    quarantined: flag.optional(),
  })
  .strict()

export const listQuery = z
  .object({
    requestId: z
      .string()
      .regex(new RegExp(`^${uuid}(,${uuid}){0,99}$`), 'is the id of a request, or up to 100 with commas')
      .transform((text) => text.split(','))
      .optional(),
    status: listOf(statuses).optional(),
    tenantId: tenantShape.optional(),
    systemId: systemIdShape.optional(),
    regime: listOf(Object.keys(regimes)).optional(),
    dueFrom: instant.optional(),
    dueBefore: instant.optional(),
    taskOpen: flag.optional(),
    taskOverdue: z
      .literal('true', 'is true, or left out')
      .transform(() => true)
      .optional(),
    liveErased: flag.optional(),
    backupClear: flag.optional(),
    order: z.enum(requestOrders).default('received'),
    cursor: cursor.optional(),
    limit,
  })
  .strict()

/** The list's own filter and order; a file has no pages. */
export const exportQuery = listQuery.omit({ cursor: true, limit: true }).strict()

export const bulkItemsQuery = z
  .object({
    after: whole(/^[0-9]{1,9}$/, 'is the position of a row').prefault('0'),
    limit: whole(/^([1-9][0-9]{0,2}|1000)$/, 'is a number from 1 to 1000').prefault('200'),
    outcome: z
      .string()
      .regex(/^[a-z_]{1,60}$/, 'is what came of a request, such as done')
      .optional(),
  })
  .strict()

export const changesQuery = z
  .object({
    after: z
      .string()
      .regex(/^[0-9]{1,19}\.[0-9]{1,18}$/, 'is not a place this list gave; start again without it')
      .optional(),
    limit: whole(/^([1-9][0-9]{0,2}|1000)$/, 'is a number from 1 to 1000').prefault('200'),
  })
  .strict()

export const timelineQuery = z
  .object({
    type: z
      .string()
      .regex(/^[A-Za-z]{1,60}(,[A-Za-z]{1,60}){0,49}$/, 'is the type of an event, or several with commas')
      .transform((text) => text.split(','))
      .optional(),
    afterVersion: whole(/^[0-9]{1,9}$/, 'is the version of an event').prefault('0'),
    limit: whole(/^([1-9][0-9]{0,2}|1000)$/, 'is a number from 1 to 1000').prefault('200'),
  })
  .strict()

export const matrixQuery = z
  .object({
    tenantId: tenantShape.optional(),
    systemId: systemIdShape.optional(),
    finding: z.enum(findings).optional(),
    cursor: cursor.optional(),
    limit,
  })
  .strict()

/** A page of the console to come back to: an address that holds no more than an id. */
export const signInQuery = z
  .object({
    to: z
      .string()
      .regex(new RegExp(`^/(?:[a-z-]{1,20}(?:/${uuid})?)?$`), 'is a page of the console')
      .default('/'),
  })
  .strict()
