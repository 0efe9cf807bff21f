import { adviceOn } from '@lethe/domain'
import type { EventStore } from '@lethe/event-store'
import {
  findRequest,
  InvalidCursor,
  listRequests,
  type RequestFilter,
  type RequestOrder,
  type RequestRow,
  stepsOf,
  tombstonesOf,
  verificationsOf,
} from '@lethe/request-log'
import { type Caller, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import { auditView } from '../adapters/pg-reads.js'
import { may, scopeOf, taskActions } from '../domain/permissions.js'
import { possible } from '../domain/possible.js'
import { type Detail, detailOf } from './detail.js'
import { mayRead } from './looks.js'

export interface ListQuestion {
  readonly requestId?: readonly string[] | undefined
  readonly status?: readonly string[] | undefined
  readonly tenantId?: string | undefined
  readonly systemId?: string | undefined
  readonly regime?: readonly string[] | undefined
  readonly dueFrom?: number | undefined
  readonly dueBefore?: number | undefined
  readonly taskOpen?: boolean | undefined
  /** Only those with a task that was to be done by now. */
  readonly taskOverdue?: boolean | undefined
  readonly liveErased?: boolean | undefined
  readonly backupClear?: boolean | undefined
  readonly order: RequestOrder
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface Summary extends RequestRow {
  readonly links: { readonly self: string; readonly timeline: string }
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** Give it back as `cursor`; null on the last page. */
  readonly nextCursor: string | null
}

export interface TimelineEntry {
  readonly version: number
  readonly type: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly data: unknown
}

export interface TimelineQuestion {
  readonly type?: readonly string[] | undefined
  readonly afterVersion: number
  readonly limit: number
}

/** Requests within the caller's tenants. Another tenant's request does not exist. */
export class Requests {
  constructor(
    private readonly pool: Pool,
    private readonly events: Pick<EventStore, 'readStream'>,
  ) {}

  /** @throws ProblemError `invalid_request` for a cursor that this list, in this order, did not give */
  async list(caller: Caller, question: ListQuestion): Promise<Page<Summary>> {
    mayRead(caller)
    const { order, cursor = null, limit } = question
    const page = await listRequests(this.pool, filterOf(caller, question), { limit, cursor, order }).catch(
      (error: unknown) => {
        if (!(error instanceof InvalidCursor)) throw error
        throw problem('invalid_request', 'The cursor is not one this list gave. Start again without it.')
      },
    )
    return {
      items: page.items.map((row) => ({ ...row, links: linksOf(row.requestId) })),
      nextCursor: page.nextCursor,
    }
  }

  /** Audited before it is shown. */
  async one(caller: Caller, requestId: string): Promise<Detail> {
    const request = await this.visible(caller, 'request', requestId)
    const [steps, verifications, tombstones] = await Promise.all([
      stepsOf(this.pool, requestId),
      verificationsOf(this.pool, requestId),
      tombstonesOf(this.pool, requestId),
    ])
    const { attention } = request
    const advice = attention === null ? null : adviceOn(attention)
    const actions = possible(request, Date.now()).filter((verb) => may(caller, verb))
    return {
      ...detailOf({
        request,
        steps,
        verifications,
        tombstones,
        advice,
        taskActions: (task) => taskActions(caller, task),
      }),
      actions,
      links: linksOf(requestId),
    }
  }

  /** Events of one request, oldest first; audited before they are shown. Events name nobody. */
  async timeline(
    caller: Caller,
    requestId: string,
    { type, afterVersion, limit }: TimelineQuestion,
  ): Promise<{ items: TimelineEntry[]; nextAfterVersion: number | null }> {
    await this.visible(caller, 'timeline', requestId)
    const read = await this.events.readStream(requestId, { afterVersion, limit: limit + 1 })
    const page = read.slice(0, limit)
    return {
      items: page
        .filter((event) => type === undefined || type.includes(event.type))
        .map(({ version, type: its, data }) => ({ version, type: its, at: instantOf(data), data })),
      nextAfterVersion: read.length > limit ? (page.at(-1)?.version ?? null) : null,
    }
  }

  private async visible(
    caller: Caller,
    view: 'request' | 'timeline',
    requestId: string,
  ): Promise<RequestRow> {
    mayRead(caller)
    const row = await findRequest(this.pool, requestId, scopeOf(caller))
    const found = row !== null
    await auditView(this.pool, { at: Date.now(), credentialId: caller.id, view, requestId, found })
    if (row === null)
      throw problem('not_found', 'There is no such request among those of your tenants. Check the id.')
    return row
  }
}

/** A tenant that is not the caller's leaves nothing. */
export function filterOf(caller: Caller, question: Omit<ListQuestion, 'cursor' | 'limit'>): RequestFilter {
  const { tenantId, requestId, status, systemId, regime, dueFrom, dueBefore } = question
  const { taskOpen, taskOverdue, liveErased, backupClear } = question
  const scope = scopeOf(caller)
  const own = tenantId === undefined ? scope : scope === '*' || scope.includes(tenantId) ? [tenantId] : []
  return {
    tenants: own,
    ...(requestId === undefined ? {} : { requestIds: requestId }),
    ...(status === undefined ? {} : { statuses: status }),
    ...(systemId === undefined ? {} : { systemId }),
    ...(regime === undefined ? {} : { regimes: regime }),
    ...(dueFrom === undefined ? {} : { dueFrom }),
    ...(dueBefore === undefined ? {} : { dueBefore }),
    ...(taskOpen === undefined ? {} : { taskOpen }),
    ...(taskOverdue === true ? { taskDueBefore: Date.now() } : {}),
    ...(liveErased === undefined ? {} : { liveErased }),
    ...(backupClear === undefined ? {} : { backupClear }),
  }
}

const linksOf = (requestId: string) => ({
  self: `/v1/requests/${requestId}`,
  timeline: `/v1/requests/${requestId}/timeline`,
})

function instantOf(data: unknown): number {
  const { at, receivedAt } = data as { at?: number; receivedAt?: number }
  return at ?? receivedAt ?? 0
}
