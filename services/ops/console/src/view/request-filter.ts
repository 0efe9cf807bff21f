import { columnIds } from './columns.js'
import { isRequestId } from './links.js'
import { views } from './views.js'

export const statuses = [
  'PENDING',
  'AWAITING_IDENTITY',
  'AWAITING_APPROVAL',
  'SCHEDULED',
  'IN_PROGRESS',
  'AWAITING_VERIFICATION',
  'PARTIALLY_COMPLETED',
  'FAILED',
  'ON_HOLD',
  'COMPLETED',
  'REFUSED',
  'CANCELLED',
] as const

export const regimes = [
  'gdpr',
  'uk_gdpr',
  'ccpa',
  'ca_delete_act',
  'virginia',
  'colorado',
  'connecticut',
  'utah',
  'texas',
  'quebec',
] as const

const list = (words: readonly string[]) => (text: string) =>
  text !== '' && text.split(',').every((word) => words.includes(word))
const matching = (pattern: RegExp) => (text: string) => pattern.test(text)
const flag = matching(/^(true|false)$/)
const moment = matching(/^[0-9]{1,15}$/)

/**
 * What may stand in the address of the list, and so in a browser's history and a proxy's log: ids, words and
 * moments. An e-mail address or a name fits none of them and gets into no address.
 */
const allowed: Readonly<Record<string, (text: string) => boolean>> = {
  requestId: (text) => text.split(',').every(isRequestId),
  status: list(statuses),
  tenantId: matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/),
  systemId: matching(/^(?=.{1,63}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/),
  regime: list(regimes),
  dueFrom: moment,
  dueBefore: moment,
  taskOpen: flag,
  taskOverdue: matching(/^true$/),
  liveErased: flag,
  backupClear: flag,
  order: matching(/^(received|due|oldest|due-last)$/),
  view: (text) => views.some(({ id }) => id === text),
  columns: list(columnIds),
  cursor: matching(/^[A-Za-z0-9_-]{1,500}$/),
}

/** What is wrong with a field, said without repeating it. */
export const filterTexts = {
  requestId: 'The id of a request has 36 characters: 8-4-4-4-12 digits and letters a to f.',
  tenantId:
    'The id of a tenant has letters, digits and . _ - only. Nothing that names a person is searched for here.',
  systemId: 'The name of a system has lower-case letters, digits and - only.',
} as const

export const fits = (field: string, text: string): boolean => allowed[field]?.(text) === true

/** The fields of an address that this list knows and that are well formed; the others are left out. */
export function filterOf(search: string): URLSearchParams {
  const given = new URLSearchParams(search)
  const kept = new URLSearchParams()
  for (const field of Object.keys(allowed)) {
    const value = given.get(field)
    if (value !== null && fits(field, value)) kept.set(field, value)
  }
  return kept
}

/** The filter with one field changed; an empty value takes it out. Another filter starts at its first page. */
export function changed(filter: URLSearchParams, changes: Readonly<Record<string, string>>): URLSearchParams {
  const next = new URLSearchParams(filter)
  next.delete('cursor')
  for (const [field, value] of Object.entries(changes)) {
    if (value === '') next.delete(field)
    else if (fits(field, value)) next.set(field, value)
  }
  return next
}

export const addressOf = (filter: URLSearchParams): string =>
  filter.size === 0 ? '/requests' : `/requests?${filter}`

/** What `<input type="date">` gives, as the first moment of that day in UTC; '' for none. */
export function momentOf(day: string): string {
  const at = Date.parse(`${day}T00:00:00Z`)
  return /^\d{4}-\d{2}-\d{2}$/.test(day) && Number.isFinite(at) ? String(at) : ''
}

/** The other way round. */
export function dayOf(moment: string | null): string {
  if (moment === null || !fits('dueFrom', moment)) return ''
  return new Date(Number(moment)).toISOString().slice(0, 10)
}
