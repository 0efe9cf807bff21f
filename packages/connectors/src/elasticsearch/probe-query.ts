import type { Subject } from '@lethe/eraser-kit'
import type { Exemption, IndexLook, Look } from './probe-looks.js'

type Json = Readonly<Record<string, unknown>>

/** A subject with their place in the batch. */
export interface Looked {
  readonly ord: number
  readonly subject: Subject
}

/** Counts each person's documents in one index. Null when no identifier of anybody could be in these fields. */
export function countingBody(look: IndexLook, people: readonly Looked[], now: number): Json | null {
  const filters = people.flatMap(({ ord, subject }): [string, Json][] => {
    const sightings = sightingsOf(look, subject, false)
    if (sightings.length === 0) return []
    return [[String(ord), seen(look, subject, sightings, now)]]
  })
  if (filters.length === 0) return null
  return {
    size: 0,
    track_total_hits: false,
    aggs: { seen: { filters: { filters: Object.fromEntries(filters) } } },
  }
}

/** Documents whose analysed texts may be an identifier of this person; the texts themselves decide. */
export function textBody(look: IndexLook, subject: Subject, size: number, now: number): Json | null {
  const sightings = sightingsOf(look, subject, true)
  if (sightings.length === 0) return null
  const fields = look.looks.filter(({ field }) => field.as === 'text').map(({ field }) => field.path)
  return {
    size,
    track_total_hits: true,
    _source: fields,
    query: seen(look, subject, sightings, now),
  }
}

/** Documents of this person's tenant with any of the sightings, but for those of them a law keeps. */
function seen(look: IndexLook, subject: Subject, sightings: readonly Json[], now: number): Json {
  const exempt = look.exempt.flatMap((one) => exemption(one, subject, now))
  const must = [...tenant(look, subject), { dis_max: { queries: sightings } }]
  return { bool: { must, ...(exempt.length > 0 ? { must_not: exempt } : {}) } }
}

/** A document is exempt while its time runs and only as this very person's; in doubt it is residue. */
function exemption({ field, type, until }: Exemption, subject: Subject, now: number): Json[] {
  const { whole } = field
  const values = subject.identifiers.flatMap((one) => (one.type === type ? [one.value] : []))
  const asked = field.as === 'integer' ? values.filter(isInteger) : values
  if (whole === null || field.nested || asked.length === 0) return []
  const theirs = {
    dis_max: {
      queries: asked.map((value) =>
        type === 'email' && field.as !== 'integer'
          ? { term: { [whole]: { value, case_insensitive: true } } }
          : { terms: { [whole]: [value] } },
      ),
    },
  }
  const [time = '', from] = until?.split(' from ') ?? []
  if (until && !from) return Date.parse(until) > now ? [theirs] : []
  if (!from) return [theirs]
  // The store's own calendar counts back from now.
  const gt = `${new Date(now).toISOString()}||${dateMath(time)}`
  const later = { range: { [from]: { gt, format: 'strict_date_optional_time' } } }
  const over = { bool: { must: [{ exists: { field: from } }], must_not: [later] } }
  return [{ bool: { must: [theirs], must_not: [over] } }]
}

/** `P1Y6M3D` as `-3d-18M`: years as months, so that a short month is met once. */
function dateMath(period: string): string {
  const of = (unit: string) => Number(new RegExp(`(\\d+)${unit}`).exec(period)?.[1] ?? 0)
  return `-${7 * of('W') + of('D')}d-${12 * of('Y') + of('M')}M`
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

function sighting({ field, type, createdAt, dated }: Look, value: string, receivedAt: number): Json[] {
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
  const known = dated ? [{ exists: { field: createdAt } }] : []
  return [{ bool: { must: [placed, ...known], must_not: [later] } }]
}

function tenant({ tenantField }: IndexLook, { tenantId }: Subject): Json[] {
  if (!tenantField) return []
  if (tenantField.as === 'integer' && !isInteger(tenantId)) return [{ match_none: {} }]
  return [{ terms: { [tenantField.searched]: [tenantId] } }]
}

/** What a 64-bit field holds has up to nineteen digits. */
function isInteger(value: string): boolean {
  if (!/^-?\d{1,19}$/.test(value)) return false
  const number = BigInt(value)
  return String(number) === value && BigInt.asIntN(64, number) === number
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
