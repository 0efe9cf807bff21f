import type { Identifier, Subject } from '@lethe/eraser-kit'
import type { Digested, LiveTombstone, TombstonePage } from '../application/tombstone-source.js'

/*
 * A page has thousands of tombstones, and a replay hundreds of pages: a schema library's copy of each costs more than
 * reading it. So the columns are looked at as they were parsed, and put together once.
 */

interface Columns {
  readonly tombstoneIds: readonly string[]
  readonly requestIds: readonly string[]
  readonly mapVersions: readonly number[]
  readonly held: readonly number[]
  readonly ceilingWaived: readonly number[]
  readonly codes: readonly (string | null)[]
  readonly subjectRefs: readonly (string | null)[]
  readonly tenantIds: readonly (string | null)[]
  readonly receivedAt: readonly (number | null)[]
  readonly identifiers: {
    readonly counts: readonly number[]
    readonly types: readonly string[]
    readonly values: readonly string[]
  }
  readonly digests: { readonly counts: readonly number[]; readonly values: readonly string[] }
}

/** What request answered as a page in columns; null for anything else. */
export function pageIn(answer: unknown): TombstonePage | null {
  if (!isRecord(answer)) return null
  const { validUntil, columns } = answer
  if (!isNumber(validUntil) || !isColumns(columns)) return null
  const tombstones = together(columns)
  return tombstones && { validUntil, tombstones }
}

/** Null where the columns do not agree about somebody. Field by field: copying from one object costs several times as much. */
function together(columns: Columns): LiveTombstone[] | null {
  const { tombstoneIds, requestIds, mapVersions, codes, subjectRefs, identifiers, digests } = columns
  const held = new Set(columns.held)
  const waived = new Set(columns.ceilingWaived)
  const all: LiveTombstone[] = []
  let identifier = 0
  let digest = 0
  for (let n = 0; n < tombstoneIds.length; n++) {
    if (!agree(columns, n, held.has(n))) return null
    const isNamed = subjectRefs[n] !== null
    const code = codes[n] ?? undefined
    const identifierEnd = identifier + (identifiers.counts[n] as number)
    const digestEnd = digest + (digests.counts[n] as number)
    all.push({
      tombstoneId: tombstoneIds[n] as string,
      requestId: requestIds[n] as string,
      mapVersion: mapVersions[n] as number,
      held: held.has(n),
      ceilingWaived: waived.has(n),
      subject: isNamed && code === undefined ? subjectAt(columns, n, identifier, identifierEnd) : null,
      code,
      digested: isNamed && code !== undefined ? digestedAt(columns, n, digest, digestEnd) : undefined,
    })
    identifier = identifierEnd
    digest = digestEnd
  }
  return all
}

/**
 * Somebody is named whole or not at all, nobody is who is held, nobody has identifiers who can't be read, and nobody has
 * digests who can.
 */
function agree(columns: Columns, n: number, held: boolean): boolean {
  const { codes, subjectRefs, tenantIds, receivedAt, identifiers, digests } = columns
  const isNamed = subjectRefs[n] !== null
  if ((tenantIds[n] !== null) !== isNamed || (receivedAt[n] !== null) !== isNamed) return false
  if (isNamed && held) return false
  const isReadable = codes[n] === null
  return (
    (identifiers.counts[n] === 0 || (isNamed && isReadable)) &&
    (digests.counts[n] === 0 || (isNamed && !isReadable))
  )
}

function subjectAt(columns: Columns, n: number, from: number, end: number): Subject {
  const { types, values } = columns.identifiers
  const identifiers: Identifier[] = []
  for (let at = from; at < end; at++)
    identifiers.push({ type: types[at] as Identifier['type'], value: values[at] as string })
  return {
    subjectRef: columns.subjectRefs[n] as string,
    tenantId: columns.tenantIds[n] as string,
    receivedAt: columns.receivedAt[n] as number,
    identifiers,
  }
}

const digestedAt = (columns: Columns, n: number, from: number, end: number): Digested => ({
  subjectRef: columns.subjectRefs[n] as string,
  tenantId: columns.tenantIds[n] as string,
  receivedAt: columns.receivedAt[n] as number,
  digests: columns.digests.values.slice(from, end),
})

function isColumns(value: unknown): value is Columns {
  if (!isRecord(value)) return false
  const { tombstoneIds, identifiers, digests } = value
  if (!isListOf(tombstoneIds, isText)) return false
  const each = (list: unknown, is: (one: unknown) => boolean) =>
    isListOf(list, is) && list.length === tombstoneIds.length
  const places = (list: unknown) => isListOf(list, (one) => isCount(one) && one < tombstoneIds.length)
  const many = (counts: unknown, ...lists: unknown[]) =>
    each(counts, isCount) &&
    lists.every((list) => isListOf(list, isText) && list.length === sum(counts as number[]))
  return (
    each(value['requestIds'], isText) &&
    each(value['mapVersions'], isNumber) &&
    places(value['held']) &&
    places(value['ceilingWaived']) &&
    each(value['codes'], isTextOrNull) &&
    each(value['subjectRefs'], isTextOrNull) &&
    each(value['tenantIds'], isTextOrNull) &&
    each(value['receivedAt'], isNumberOrNull) &&
    isRecord(identifiers) &&
    many(identifiers['counts'], identifiers['types'], identifiers['values']) &&
    isRecord(digests) &&
    many(digests['counts'], digests['values'])
  )
}

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0)

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown): value is number => isNumber(value) && Number.isInteger(value) && value >= 0
const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string'
const isNumberOrNull = (value: unknown): boolean => value === null || isNumber(value)

const isListOf = (value: unknown, is: (one: unknown) => boolean): value is unknown[] =>
  Array.isArray(value) && value.every(is)
