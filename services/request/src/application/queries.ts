import { type RequestState, type SystemView, systems } from '@lethe/domain'
import type { EventStore } from '@lethe/event-store'
import {
  InvalidCursor,
  listRequests,
  type RequestLog,
  type RequestRow,
  type TenantScope,
  type VerificationKey,
  type VerificationRow,
  verificationView,
} from '@lethe/request-log'
import { problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import { z } from 'zod'
import { type Caller, inScope, may } from '../domain/permissions.js'
import { forbidden, visible } from './access.js'
import {
  type Links,
  linksOf,
  type NextStep,
  ownerOf,
  type Representation,
  representation,
} from './representation.js'

export interface ListQuestion {
  readonly status?: readonly string[] | undefined
  readonly tenantId?: string | undefined
  readonly systemId?: string | undefined
  readonly dueBefore?: number | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface VerificationQuestion {
  readonly tenantId?: string | undefined
  readonly requestId?: string | undefined
  readonly systemId?: string | undefined
  readonly result?: readonly string[] | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface Page<Row> {
  readonly items: readonly Row[]
  /** Give it back as `cursor`; null on the last page. */
  readonly nextCursor: string | null
}
/** A request in a list: everything but its steps. */
export interface Summary extends RequestRow, NextStep {
  readonly steps: readonly []
  readonly links: Links
}
export interface TimelineEntry {
  readonly version: number
  readonly type: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly data: unknown
}
export interface Verification {
  readonly systemId: string
  readonly status: string
  readonly result: string | null
  readonly residual: Readonly<Record<string, number>> | null
  readonly checkedAt: number | null
  readonly position: string | null
  /** A person says that it is done, where no probe can look. */
  readonly attested: boolean
}

const timelinePage = 1_000

/** Reads, within the caller's tenants. Another tenant's request does not exist. */
export class Queries {
  constructor(
    private readonly pool: Pool,
    private readonly log: RequestLog,
    private readonly events: Pick<EventStore, 'readStream'>,
  ) {}

  async one(caller: Caller, requestId: string): Promise<Representation> {
    return representation(await this.visible(caller, requestId))
  }

  /** A request that was just shown to be the caller's own, by its Idempotency-Key. */
  async own(requestId: string): Promise<Representation> {
    const state = await this.log.read(requestId)
    if (state === null) throw problem('not_found')
    return representation(state)
  }

  private async visible(caller: Caller, requestId: string): Promise<RequestState> {
    if (!may(caller, 'read')) throw forbidden('read')
    return visible(await this.log.read(requestId), caller)
  }

  /** Newest first. @throws ProblemError `invalid_request` for a cursor that is not ours */
  async list(caller: Caller, question: ListQuestion): Promise<Page<Summary>> {
    if (!may(caller, 'read')) throw forbidden('read')
    const { status, tenantId, systemId, dueBefore, cursor, limit } = question
    if (tenantId !== undefined && !inScope(caller, tenantId)) return { items: [], nextCursor: null }
    const filter = {
      tenants: tenantId === undefined ? scopeOf(caller) : [tenantId],
      ...(status === undefined ? {} : { statuses: status }),
      ...(systemId === undefined ? {} : { systemId }),
      ...(dueBefore === undefined ? {} : { dueBefore }),
    }
    const page = await listRequests(this.pool, filter, { limit, cursor: cursor ?? null }).catch(
      (error: unknown) => {
        if (error instanceof InvalidCursor) throw invalidCursor()
        throw error
      },
    )
    return { items: page.items.map(summary), nextCursor: page.nextCursor }
  }

  /** Every event of one request, oldest first. Events name nobody. */
  async timeline(caller: Caller, requestId: string): Promise<{ items: TimelineEntry[] }> {
    await this.visible(caller, requestId)
    const items: TimelineEntry[] = []
    for (let after = 0; ; ) {
      const page = await this.events.readStream(requestId, { afterVersion: after, limit: timelinePage })
      for (const { version, type, data } of page) items.push({ version, type, at: instantOf(data), data })
      after = page.at(-1)?.version ?? after
      if (page.length < timelinePage) return { items }
    }
  }

  /** What independent probes found, over all requests the caller may see. */
  async verificationView(caller: Caller, question: VerificationQuestion): Promise<Page<VerificationRow>> {
    if (!may(caller, 'read')) throw forbidden('read')
    const { tenantId, requestId, systemId, result, cursor, limit } = question
    if (tenantId !== undefined && !inScope(caller, tenantId)) return { items: [], nextCursor: null }
    const filter = {
      tenants: tenantId === undefined ? scopeOf(caller) : [tenantId],
      ...(requestId === undefined ? {} : { requestId }),
      ...(systemId === undefined ? {} : { systemId }),
      ...(result === undefined ? {} : { results: result }),
    }
    const after = cursor === undefined ? null : afterOf(cursor)
    const { items, next } = await verificationView(this.pool, filter, { limit, after })
    const nextCursor = next === null ? null : Buffer.from(JSON.stringify(next)).toString('base64url')
    return { items, nextCursor }
  }

  /** What independent probes found, per system of one request. */
  async verification(caller: Caller, requestId: string): Promise<{ items: Verification[] }> {
    const state = await this.visible(caller, requestId)
    return { items: systems(state).map((view) => verificationRow(state, view)) }
  }
}

const scopeOf = (caller: Caller): TenantScope => (caller.tenants.includes('*') ? '*' : caller.tenants)

const invalidCursor = () =>
  problem('invalid_request', 'The cursor is not one this list gave. Start again without it.')

/** PostgreSQL takes no NUL in a text, and neither id has one. */
const part = z.string().regex(/^[\x21-\x7e]{1,100}$/)
const verificationCursor = z.object({ requestId: part, systemId: part })

/** @throws ProblemError `invalid_request` */
function afterOf(cursor: string): VerificationKey {
  try {
    return verificationCursor.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
  } catch {
    throw invalidCursor()
  }
}

function summary(row: RequestRow): Summary {
  return { ...row, ...ownerOf(row.attention), steps: [], links: linksOf(row.requestId) }
}

function verificationRow(
  state: RequestState,
  { systemId, status, probe, attested = false }: SystemView,
): Verification {
  return {
    systemId,
    status,
    result: probe?.result ?? null,
    residual: probe?.residual ?? null,
    checkedAt: probe?.checkedAt ?? null,
    position: (probe && state.probes[probe.passId]?.reported?.position) ?? null,
    attested,
  }
}

function instantOf(data: unknown): number {
  const { at, receivedAt } = data as { at?: number; receivedAt?: number }
  return at ?? receivedAt ?? 0
}
