import { type LogRow, number, text } from './evidence.js'

/** What the checker itself makes of a stream; written from the contracts, sharing nothing with the project's fold. */
export interface Folded {
  readonly status: string
  readonly firstGrantAt: number | null
  readonly liveErasedAt: number | null
  readonly completedAt: number | null
  readonly holds: number
}

const DONE = new Set(['erased', 'not_found', 'redacted', 'retained', 'expiring'])
export const isDone = (row: LogRow): boolean => DONE.has(text(row, 'outcome'))

/** Status and milestones, from the events alone. `IN_PROGRESS` stands for `AWAITING_VERIFICATION` too. */
export function fold(rows: readonly LogRow[]): Folded {
  const holds = new Set<string>()
  const failures = new Set<string>()
  const at: Record<string, number> = {}
  const seen = new Set<string>()
  let review = false
  let approval: string | null = null
  let partial = false
  for (const row of rows) {
    seen.add(row.type)
    at[row.type] ??= number(row, 'at')
    switch (row.type) {
      case 'RequestHeld':
        holds.add(text(row, 'holdId'))
        break
      case 'RequestReleased':
        holds.delete(text(row, 'holdId'))
        break
      case 'IdentityReviewOpened':
        review = true
        break
      case 'IdentifiersResolved':
        review = false
        break
      case 'ApprovalRequested':
        approval = text(row, 'reason')
        break
      case 'RequestApproved':
        if (text(row, 'reason') === 'identity') review = false
        if (text(row, 'reason') === approval) approval = null
        break
      case 'RequestFailed':
        failures.add(String(row.data['systemId']))
        break
      case 'PassRequested':
        failures.delete(text(row, 'systemId'))
        partial = false
        break
      case 'ProbeRequested':
        failures.delete(text(row, 'systemId'))
        break
      case 'PassAcknowledged':
        if (isDone(row)) failures.delete(text(row, 'systemId'))
        break
      case 'ProbeReported':
        if (row.data['result'] === 'clean') failures.delete(text(row, 'systemId'))
        break
      case 'RequestPartiallyCompleted':
        partial = true
        break
      default:
        break
    }
  }
  return {
    status: statusOf({
      seen,
      holds: holds.size,
      review,
      approval: approval !== null,
      failures: failures.size,
      partial,
    }),
    firstGrantAt: at['GrantIssued'] ?? null,
    liveErasedAt: lastAt(rows, 'RequestLiveErased'),
    completedAt: at['RequestCompleted'] ?? null,
    holds: holds.size,
  }
}

function lastAt(rows: readonly LogRow[], type: string): number | null {
  const row = rows.findLast((one) => one.type === type)
  return row ? number(row, 'at') : null
}

function statusOf(known: {
  seen: ReadonlySet<string>
  holds: number
  review: boolean
  approval: boolean
  failures: number
  partial: boolean
}): string {
  const { seen } = known
  if (seen.has('RequestRefused')) return 'REFUSED'
  if (seen.has('RequestCancelled')) return 'CANCELLED'
  if (seen.has('RequestCompleted')) return 'COMPLETED'
  if (known.holds > 0) return 'ON_HOLD'
  if (known.review) return 'AWAITING_IDENTITY'
  if (known.approval) return 'AWAITING_APPROVAL'
  if (known.failures > 0) return 'FAILED'
  if (known.partial) return 'PARTIALLY_COMPLETED'
  if (!seen.has('RequestScheduled')) return 'PENDING'
  return seen.has('PassRequested') ? 'IN_PROGRESS' : 'SCHEDULED'
}
