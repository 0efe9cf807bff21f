import type { ExactField } from './mapping.js'
import type { Person } from './people.js'
import type { KeptWay, Target, Way } from './targets.js'

export type Query = Readonly<Record<string, unknown>>

/** Longest e-mail address there is (RFC 5321); a longer value would make a folded term costly. */
export const LONGEST_EMAIL = 320
const MIN_LONG = -(2n ** 63n)
const MAX_LONG = 2n ** 63n - 1n

/** People who share a tenant, and what to look for in one target. Null when nobody of them can be there. */
export function chunkQuery(target: Target, people: readonly Person[], of = personQuery): Query | null {
  const [first] = people
  if (!first || people.some(({ tenantId }) => tenantId !== first.tenantId))
    throw new RangeError('a chunk holds people of one tenant')
  const each = people.flatMap((person) => {
    const query = of(target, person)
    return query ? [query] : []
  })
  if (each.length === 0) return null
  return { bool: { filter: [...tenantFilter(target, first.tenantId), anyOf(each)] } }
}

/** Documents of one person to change in one target; `_name` lets the store say whose a document is. */
export function personQuery(target: Target, person: Person): Query | null {
  const ways = target.ways.flatMap((way) => wayQuery(way, person))
  if (ways.length === 0) return null
  const deleted = target.deleted.flatMap((way) => wayQuery(way, person))
  // What a law keeps is kept whole; once its time is over it is deleted, so that there is nothing to redact.
  const kept = target.kept.flatMap((way) =>
    target.method === 'redact' ? wayQuery(way, person) : keptQuery(way, person),
  )
  const others = [...deleted, ...kept]
  const bool = {
    filter: [anyOf(ways)],
    ...(others.length > 0 ? { must_not: others } : {}),
    _name: nameOf(person),
  }
  return { bool }
}

/** Documents of one person that this way keeps now; `_name` as above. */
export function keptQuery(way: KeptWay, person: Person): Query[] {
  const found = wayQuery(way, person)
  return found.length === 0 ? [] : [{ bool: { filter: [...found, way.running] } }]
}

/** Documents of one person that any way keeps. Null when nobody can be there. */
export function personKeptQuery(target: Target, person: Person): Query | null {
  const ways = target.kept.flatMap((way) => keptQuery(way, person))
  return ways.length === 0 ? null : { bool: { filter: [anyOf(ways)], _name: nameOf(person) } }
}

export const nameOf = (person: Person) => `p${person.ord}`

/** Documents one way leads to; none when this person can't be found that way. */
export function wayQuery(way: Way, person: Person): Query[] {
  const values = (person.values.get(way.identifier) ?? []).filter((value) => couldHold(way.field, value))
  const terms = values.map((value) => term(way, value))
  if (terms.length === 0) return []
  // Nothing says that it is not of somebody who came back.
  if (way.takenAlong && way.createdAt === null && person.undated === 'leave') return []
  return [{ bool: { filter: [anyOf(terms), ...createdBefore(way, person)] } }]
}

/** What was created at no known time is taken only when a person decided so. */
function createdBefore({ createdAt, takenAlong }: Way, { receivedAt, undated }: Person): Query[] {
  if (createdAt === null) return []
  const before = { range: { [createdAt]: { lte: receivedAt, format: 'epoch_millis' } } }
  if (!takenAlong || undated !== 'take') return [before]
  return [anyOf([before, { bool: { must_not: [{ exists: { field: createdAt } }] } }])]
}

/** Only ever a whole term: no query here reads an identifier as a pattern. */
function term({ field, identifier }: Way, value: string): Query {
  const folded = identifier === 'email' && field.holds === 'text'
  return { term: { [field.path]: folded ? { value, case_insensitive: true } : { value } } }
}

function tenantFilter({ tenantField }: Target, tenantId: string): Query[] {
  if (!tenantField) return []
  // Nothing in a field of numbers belongs to a tenant that is none.
  if (!couldHold(tenantField, tenantId)) return [{ match_none: {} }]
  return [{ term: { [tenantField.path]: { value: tenantId } } }]
}

function anyOf(queries: readonly Query[]): Query {
  return { bool: { should: queries, minimum_should_match: 1 } }
}

/** A number is compared as it is written: `007` is not `7`. */
export function couldHold(field: ExactField, value: string): boolean {
  if (field.holds === 'text') return true
  if (!/^(0|-?[1-9]\d{0,18})$/.test(value)) return false
  return BigInt(value) >= MIN_LONG && BigInt(value) <= MAX_LONG
}

/**
 * Whether documents with this person's identifiers could be there without being found, because the field leaves
 * out values of such a length.
 */
export function isTooLong(target: Target, person: Person): boolean {
  return [...target.ways, ...target.deleted, ...target.kept].some(({ field, identifier }) =>
    (person.values.get(identifier) ?? []).some(
      (value) =>
        field.holds === 'text' &&
        (value.length > field.longest || (identifier === 'email' && value.length > LONGEST_EMAIL)),
    ),
  )
}
