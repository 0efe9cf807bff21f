import type { BulkVerb } from './permissions.js'
import { type Asked, possible } from './possible.js'

/** Why a request can't be asked for this now, as a code; null when it can, as far as its read model shows. */
export type Hindrance =
  | 'has_ended'
  | 'nothing_to_approve'
  | 'erasing_has_begun'
  | 'not_held'
  | 'not_failed'
  | 'nothing_erased_yet'
  | 'backup_clear'
  | 'already_extended'
  | 'past_its_deadline'
  | 'law_allows_no_extension'

const ENDED = ['COMPLETED', 'REFUSED', 'CANCELLED']

export function hindranceOf(verb: BulkVerb, request: Asked, now: number): Hindrance | null {
  if (possible(request, now).includes(verb)) return null
  const ended = ENDED.includes(request.status)
  switch (verb) {
    case 'retry':
      return 'not_failed'
    case 'release':
      return request.holds.length === 0 ? 'not_held' : 'has_ended'
    case 'hold':
      return request.backupClear ? 'backup_clear' : 'has_ended'
    case 'reprobe':
      if (request.backupClear) return 'backup_clear'
      return request.firstGrantAt === null ? 'nothing_erased_yet' : 'has_ended'
    case 'approve':
      return ended ? 'has_ended' : 'nothing_to_approve'
    case 'refuse':
    case 'cancel':
      return ended ? 'has_ended' : 'erasing_has_begun'
    case 'extend':
      if (ended) return 'has_ended'
      if (request.extension !== null) return 'already_extended'
      return now > request.dueAt ? 'past_its_deadline' : 'law_allows_no_extension'
    default:
      return verb satisfies never
  }
}
