import type { Query } from './query.js'

/*
 * `until: P7Y from created_at` is over when `created_at <= now - P7Y`, by the calendar and in UTC. Taking the time
 * away from now asks one comparison of the store, whatever a document's date is.
 */

interface Period {
  readonly months: number
  readonly days: number
}
/** Until when documents are kept: a time counted from a field, one date, or for as long as nobody changes the map. */
export type Until =
  | { readonly from: string; readonly period: Period }
  | { readonly date: number }
  | { readonly always: true }

const COUNTED = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)? from (\S+)$/

/** Reads `until:` of the data map. Throws on a text that the grammar would have refused. */
export function untilOf(text: string | undefined): Until {
  if (text === undefined) return { always: true }
  const counted = COUNTED.exec(text)
  if (counted) {
    const [years = 0, months = 0, weeks = 0, days = 0] = counted.slice(1, 5).map((part) => Number(part ?? 0))
    return { from: counted[5] ?? '', period: { months: 12 * years + months, days: 7 * weeks + days } }
  }
  const date = Date.parse(text)
  if (Number.isNaN(date)) throw new TypeError('not a date or a time from a field')
  return { date }
}

/** Documents that are still kept at `now`. One without its date stays kept: deleting it could break the law. */
export function stillKept(until: Until, now: number): Query {
  if ('always' in until) return { match_all: {} }
  if ('date' in until) return until.date > now ? { match_all: {} } : { match_none: {} }
  const later = { range: { [until.from]: { gt: before(now, until.period), format: 'epoch_millis' } } }
  const undated = { bool: { must_not: [{ exists: { field: until.from } }] } }
  return { bool: { should: [later, undated], minimum_should_match: 1 } }
}

/** When a document of this date is no longer kept, in epoch milliseconds; null when nobody can say. */
export function keptUntil(until: Until, latest: number | null): number | null {
  if ('always' in until) return null
  if ('date' in until) return until.date
  return latest === null ? null : after(latest, until.period)
}

/** Days first, then months; a month that is too short ends on its last day. */
function before(now: number, { months, days }: Period): number {
  const date = new Date(now)
  date.setUTCDate(date.getUTCDate() - days)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() - months)
  date.setUTCDate(
    Math.min(day, new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()),
  )
  return date.getTime()
}

/** Months first, then days; a month that is too short runs over, so that `before` of it is never too early. */
function after(from: number, { months, days }: Period): number {
  const date = new Date(Math.ceil(from))
  date.setUTCMonth(date.getUTCMonth() + months)
  date.setUTCDate(date.getUTCDate() + days)
  return date.getTime()
}
