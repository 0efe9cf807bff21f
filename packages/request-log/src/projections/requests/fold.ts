import { type Attention, attention, type Policy, type RequestState, systems, wakeAt } from '@lethe/domain'
import type { log } from '@lethe/schemas'
import type { Projection } from '../projection.js'
import { marksOf } from './marks.js'

/** One request as lists and details show it. Times are epoch milliseconds, UTC. */
export interface RequestRow {
  readonly requestId: string
  readonly tenantId: string
  readonly subjectRef: string
  /** Version of the stream the row was made from. */
  readonly version: number
  readonly status: RequestState['status']
  readonly regime: string
  readonly channel: string
  readonly requesterRole: string
  readonly requestedBy: string
  readonly ground: string
  readonly receivedAt: number
  readonly dueAt: number
  readonly runAt: number | null
  readonly mapVersion: number | null
  readonly reviewCode: string | null
  /** Why an approval is waited for, if one is. */
  readonly awaitingApproval: string | null
  readonly holds: readonly log.RequestHeld[]
  readonly systemsTotal: number
  /** Systems that are completed, or lawfully out of it. */
  readonly systemsDone: number
  readonly firstGrantAt: number | null
  readonly liveErasedAt: number | null
  readonly completedAt: number | null
  readonly backupClearAt: number | null
  readonly backupClear: boolean
  readonly failure: log.RequestFailed | null
  readonly partial: log.RequestPartiallyCompleted | null
  readonly refusal: log.RequestRefused | null
  readonly extension: log.RequestExtended | null
  /** Who has to do what next; null while the request goes on by itself or has ended. */
  readonly attention: Attention | null
  /** When the process manager has something to do by itself; null when only others can move it. */
  readonly nextActionAt: number | null
}

/** As it is kept: with what only the search for requests needs. */
export interface KeptRequest extends RequestRow {
  /** The systems of its steps, see `marksOf`. */
  readonly systemMarks: number
}

const DONE = new Set(['COMPLETED', 'ATTESTED', 'NOT_APPLICABLE', 'RETAINED', 'EXPIRING'])

/** The columns of what lists and details show. */
export const shownRequest: Pick<Projection<RequestRow>, 'columns'> = {
  columns: {
    requestId: 'text',
    tenantId: 'text',
    subjectRef: 'text',
    version: 'bigint',
    status: 'text',
    regime: 'text',
    channel: 'text',
    requesterRole: 'text',
    requestedBy: 'text',
    ground: 'text',
    receivedAt: 'bigint',
    dueAt: 'bigint',
    runAt: 'bigint',
    mapVersion: 'integer',
    reviewCode: 'text',
    awaitingApproval: 'text',
    holds: 'jsonb',
    systemsTotal: 'integer',
    systemsDone: 'integer',
    firstGrantAt: 'bigint',
    liveErasedAt: 'bigint',
    completedAt: 'bigint',
    backupClearAt: 'bigint',
    backupClear: 'boolean',
    failure: 'jsonb',
    partial: 'jsonb',
    refusal: 'jsonb',
    extension: 'jsonb',
    attention: 'jsonb',
    nextActionAt: 'bigint',
  },
}

export const requests: Projection<KeptRequest> = {
  table: 'requests',
  key: ['requestId'],
  columns: { ...shownRequest.columns, systemMarks: 'bigint' },
  rows: (state, policy) => [
    {
      ...requestRow(state, policy),
      systemMarks: state.plan === null ? 0 : marksOf(state.plan.steps.map(({ systemId }) => systemId)),
    },
  ],
}

function requestRow(state: RequestState, policy: Policy): RequestRow {
  const { received } = state
  const all = systems(state)
  return {
    requestId: state.requestId,
    tenantId: state.tenantId,
    subjectRef: state.subjectRef,
    version: state.version,
    status: state.status,
    regime: received.regime,
    channel: received.channel,
    requesterRole: received.requesterRole,
    requestedBy: received.requestedBy,
    ground: received.ground,
    receivedAt: received.receivedAt,
    dueAt: state.dueAt,
    runAt: state.runAt,
    mapVersion: state.plan?.mapVersion ?? null,
    reviewCode: state.review?.code ?? null,
    awaitingApproval: state.awaitingApproval?.reason ?? null,
    holds: state.holds,
    systemsTotal: all.length,
    systemsDone: all.filter(({ status }) => DONE.has(status)).length,
    firstGrantAt: state.firstGrantAt,
    liveErasedAt: state.liveErasedAt,
    completedAt: state.completedAt,
    backupClearAt: state.backupClearAt,
    backupClear: state.backupClear,
    failure: state.failure,
    partial: state.partial,
    refusal: state.refusal,
    extension: state.extension,
    attention: attention(state),
    nextActionAt: wakeAt(state, policy),
  }
}
