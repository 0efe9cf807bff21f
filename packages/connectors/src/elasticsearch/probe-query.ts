import type { Subject } from '@lethe/eraser-kit'
import type { IndexLook, Look } from './probe-looks.js'

type Json = Readonly<Record<string, unknown>>

/** A subject with their place in the batch. */
export interface Looked {
  readonly ord: number
  readonly subject: Subject
}

/** Counts each person's documents in one index. Null when no identifier of anybody could be in these fields. */
export function countingBody(look: IndexLook, people: readonly Looked[]): Json | null {
  const filters = people.flatMap(({ ord, subject }): [string, Json][] => {
    const sightings = sightingsOf(look, subject, false)
    if (sightings.length === 0) return []
    return [
      [String(ord), { bool: { must: [...tenant(look, subject), { dis_max: { queries: sightings } }] } }],
    ]
  })
  if (filters.length === 0) return null
  return {
    size: 0,
    track_total_hits: false,
    aggs: { seen: { filters: { filters: Object.fromEntries(filters) } } },
  }
}

/** Documents whose analysed texts may be an identifier of this person; the texts themselves decide. */
export function textBody(look: IndexLook, subject: Subject, size: number): Json | null {
  const sightings = sightingsOf(look, subject, true)
  if (sightings.length === 0) return null
  const fields = look.looks.filter(({ field }) => field.as === 'text').map(({ field }) => field.path)
  return {
    size,
    track_total_hits: true,
    _source: fields,
    query: { bool: { must: [...tenant(look, subject), { dis_max: { queries: sightings } }] } },
  }
}

function sightingsOf({ looks }: IndexLook, subject: Subject, texts: boolean): Json[] {
  return looks
    .filter(({ field }) => (field.as === 'text') === texts)
    .flatMap((look) =>
      subject.identifiers
        .filter(({ type }) => type === look.type)
        .flatMap(({ value }) => sighting(look, value, subject.receivedAt)),
    )
}

function sighting({ field, type, createdAt }: Look, value: string, receivedAt: number): Json[] {
  if (field.as === 'unsearchable') return []
  if (field.as === 'integer' && !isInteger(value)) return []
  const exact =
    field.as === 'text'
      ? { match_phrase: { [field.searched]: { query: value } } }
      : type === 'email' && field.as === 'keyword'
        ? { term: { [field.searched]: { value, case_insensitive: true } } }
        : { terms: { [field.searched]: [value] } }
  const placed = field.nested
    ? { nested: { path: field.nested, query: exact, ignore_unmapped: true } }
    : exact
  if (!createdAt) return [placed]
  const later = { range: { [createdAt]: { gt: receivedAt, format: 'epoch_millis' } } }
  return [{ bool: { must: [placed], must_not: [later] } }]
}

function tenant({ tenantField }: IndexLook, { tenantId }: Subject): Json[] {
  if (!tenantField) return []
  if (tenantField.as === 'integer' && !isInteger(tenantId)) return [{ match_none: {} }]
  return [{ terms: { [tenantField.searched]: [tenantId] } }]
}

function isInteger(value: string): boolean {
  return /^-?\d{1,18}$/.test(value) && String(BigInt(value)) === value
}

/** Whether a text of the document is one of this person's identifiers as a whole. */
export function isTheirs(look: IndexLook, subject: Subject, source: Json): boolean {
  return look.looks
    .filter(({ field }) => field.as === 'text')
    .some(({ field, type }) =>
      textsAt(source, field.path.split('.')).some((text) =>
        subject.identifiers.some(
          (one) =>
            one.type === type &&
            (type === 'email' ? fold(one.value) === fold(text.trim()) : one.value === text.trim()),
        ),
      ),
    )
}

const fold = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

function textsAt(value: unknown, path: readonly string[]): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => textsAt(item, path))
  if (path.length === 0) return typeof value === 'string' || typeof value === 'number' ? [String(value)] : []
  if (typeof value !== 'object' || value === null) return []
  return path.flatMap((_part, at) => {
    const key = path.slice(0, at + 1).join('.')
    return Object.hasOwn(value, key) ? textsAt((value as Json)[key], path.slice(at + 1)) : []
  })
}
