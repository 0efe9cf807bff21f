import { extendedDueAt } from '@lethe/domain'
import type { RequestRow } from '@lethe/request-log'
import { type BulkVerb, bulkVerbs } from './permissions.js'

export type Asked = Pick<
  RequestRow,
  | 'status'
  | 'regime'
  | 'receivedAt'
  | 'dueAt'
  | 'firstGrantAt'
  | 'backupClear'
  | 'holds'
  | 'extension'
  | 'reviewCode'
  | 'awaitingApproval'
>

const ENDED = ['COMPLETED', 'REFUSED', 'CANCELLED']

/** What can be asked of a request as its read model shows it: for buttons. What may be done is decided by `request`. */
export function possible(request: Asked, now: number): readonly BulkVerb[] {
  const open = !ENDED.includes(request.status)
  const stopped = request.status === 'REFUSED' || request.status === 'CANCELLED'
  const when: Readonly<Record<BulkVerb, boolean>> = {
    approve: open && (request.reviewCode !== null || request.awaitingApproval !== null),
    // Over a ceiling nothing may have been changed yet, which only `request` knows.
    refuse: open && (request.firstGrantAt === null || request.awaitingApproval !== null),
    hold: !stopped && !request.backupClear,
    release: !stopped && request.holds.length > 0,
    extend:
      open &&
      request.extension === null &&
      now <= request.dueAt &&
      extendedDueAt(request.regime, request.receivedAt) !== null,
    cancel: open && request.firstGrantAt === null,
    // Which systems are done erasing is known to `request`.
    reprobe: !stopped && !request.backupClear && request.firstGrantAt !== null,
    retry: request.status === 'FAILED' || request.status === 'PARTIALLY_COMPLETED',
  }
  return bulkVerbs.filter((verb) => when[verb])
}
