import type { Identifier, Subject } from '@lethe/eraser-kit'
import type { Digested, LiveTombstone, TombstonePage } from '../application/tombstone-source.js'

/*
 * A page has thousands of tombstones, and a replay hundreds of pages: a schema library's copy of each costs more than
 * reading it. So these look at what was parsed, field by field, and give out the same objects.
 */

/** What request answered as a page; null for anything else. */
export function pageIn(answer: unknown): TombstonePage | null {
  if (!isRecord(answer)) return null
  const { validUntil, tombstones } = answer
  if (!isNumber(validUntil) || !isListOf(tombstones, isTombstone)) return null
  return { validUntil, tombstones }
}

const isTombstone = (value: unknown): value is LiveTombstone =>
  isRecord(value) &&
  typeof value.tombstoneId === 'string' &&
  typeof value.requestId === 'string' &&
  isNumber(value.mapVersion) &&
  typeof value.held === 'boolean' &&
  isOptional(value.ceilingWaived, (one) => typeof one === 'boolean') &&
  (value.subject === null || isSubject(value.subject)) &&
  isOptional(value.code, isText) &&
  isOptional(value.digested, isDigested)

const isSubject = (value: unknown): value is Subject =>
  isPerson(value) && isListOf(value.identifiers, isIdentifier)

const isDigested = (value: unknown): value is Digested => isPerson(value) && isListOf(value.digests, isText)

const isPerson = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isRecord(value) &&
  typeof value.subjectRef === 'string' &&
  typeof value.tenantId === 'string' &&
  isNumber(value.receivedAt)

const isIdentifier = (value: unknown): value is Identifier =>
  isRecord(value) && typeof value.type === 'string' && typeof value.value === 'string'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isOptional = (value: unknown, is: (one: unknown) => boolean): boolean =>
  value === undefined || is(value)

function isListOf<T>(value: unknown, is: (one: unknown) => one is T): value is T[] {
  return Array.isArray(value) && value.every(is)
}
