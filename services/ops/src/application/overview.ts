import {
  countOpenTasks,
  countRequests,
  type RequestCount,
  requestCounts,
  type TenantScope,
} from '@lethe/request-log'
import type { Pool } from 'pg'
import { countFindings } from '../adapters/pg-matrix.js'
import { type Gate, gates, type OpenPass, oldestUnacknowledged } from '../adapters/pg-reads.js'
import type { DeadLetters } from './dead-letters.js'
import type { GroupView, Lag } from './lag.js'
import type { Risk } from './risk.js'
import { type Dated, SharedBy } from './shared.js'

/** A number and the list behind it; `value` null: not known, and why. */
export interface Figure {
  readonly value: number | null
  readonly unknown: string | null
  readonly href: string
}

export interface OverviewView {
  readonly requests: {
    readonly byStatus: Readonly<Record<string, Figure>>
    readonly open: Figure
    readonly dueThisWeek: Figure
    readonly overdue: Figure
    /** Gone from every live system, and still in a backup. */
    readonly liveErased: Figure
    readonly backupClear: Figure
  }
  /** Requests of which a probe found something left, and those it could not tell. */
  readonly verification: { readonly residual: Figure; readonly inconclusive: Figure }
  /** Requests with a task that waits for a person to do it. */
  readonly tasks: Figure
  readonly atRisk: Figure
  readonly erasers: { readonly up: Figure; readonly silent: Figure; readonly unknown: Figure }
  readonly gates: { readonly open: Figure; readonly shut: Figure }
  readonly deadLetters: Figure
  readonly oldestUnacknowledged: { readonly pass: OpenPass | null; readonly ageMs: number | null }
}

/** Statuses in which the legal clock runs. */
export const OPEN = [
  'PENDING',
  'AWAITING_IDENTITY',
  'AWAITING_APPROVAL',
  'SCHEDULED',
  'IN_PROGRESS',
  'AWAITING_VERIFICATION',
  'PARTIALLY_COMPLETED',
  'FAILED',
  'ON_HOLD',
] as const

const STATUSES = [...OPEN, 'COMPLETED', 'REFUSED', 'CANCELLED'] as const
const WEEK_MS = 7 * 86_400_000
/** Lag is looked at all the time. */
const LAG_MAX_AGE_MS = 5_000
/** Dead letters are read whole. */
const DEAD_LETTERS_MAX_AGE_MS = 10_000

/** Erasers and probes among the groups. */
export const isEraser = ({ group }: GroupView): boolean => /^(eraser|probe)\./.test(group)

/** What needs attention, in numbers that lead somewhere. One answer per set of tenants is shared. */
export class Overview {
  private readonly byScope = new SharedBy<TenantScope, Dated<OverviewView>>((tenants) =>
    this.measure(tenants),
  )

  constructor(
    private readonly parts: {
      readonly pool: Pool
      readonly lag: Lag
      readonly risk: Risk
      readonly deadLetters: DeadLetters
      readonly systemIds: () => readonly string[]
    },
  ) {}

  /** What is counted is at most so old; lag may be five seconds older, and dead letters ten. `startedAt` is of the oldest. */
  async read(tenants: TenantScope, maxAgeMs: number): Promise<Dated<OverviewView>> {
    const { value } = await this.byScope.read(tenants, maxAgeMs)
    return value
  }

  private async measure(tenants: TenantScope): Promise<Dated<OverviewView>> {
    const { pool, lag, risk, deadLetters, systemIds } = this.parts
    const now = Date.now()
    const measured = await lag.read(LAG_MAX_AGE_MS)
    const [requests, found, tasks, oldest, doors, letters, endangered] = await Promise.all([
      this.requests(tenants, now),
      countFindings(pool, tenants),
      countOpenTasks(pool, tenants),
      oldestUnacknowledged(pool, tenants),
      gates(pool, systemIds()),
      deadLetters.read(DEAD_LETTERS_MAX_AGE_MS),
      risk.read(tenants, LAG_MAX_AGE_MS),
    ])
    const view: OverviewView = {
      requests,
      verification: {
        residual: figure(found.residual, '/v1/verification?finding=residual'),
        inconclusive: figure(found.inconclusive, '/v1/verification?finding=inconclusive'),
      },
      tasks: figure(tasks, '/v1/requests?taskOpen=true&order=due'),
      atRisk: figure(endangered.value.items.length, '/v1/at-risk'),
      erasers: erasersOf(measured.value.groups.filter(isEraser)),
      gates: { open: gatesOf(doors, 'open'), shut: gatesOf(doors, 'shut') },
      deadLetters: {
        value: letters.value.items?.length ?? null,
        unknown: letters.value.unknown,
        href: '/v1/dead-letters',
      },
      oldestUnacknowledged: { pass: oldest, ageMs: oldest && Math.max(0, now - oldest.requestedAt) },
    }
    const parts = [measured, letters, endangered].map(({ startedAt }) => startedAt)
    return { startedAt: Math.min(now, ...parts), value: view }
  }

  private async requests(tenants: TenantScope, now: number): Promise<OverviewView['requests']> {
    const { pool } = this.parts
    const status = OPEN.join(',')
    const due = async (filter: { dueFrom?: number; dueBefore: number }) => {
      const found = await countRequests(pool, { tenants, statuses: OPEN, ...filter })
      const dates = Object.entries(filter).map(([name, at]) => [name, `${at}`] as const)
      const query = new URLSearchParams({ status, ...Object.fromEntries(dates), order: 'due' })
      return figure(sum([...found.values()]), `/v1/requests?${query}`)
    }
    const [counts, dueThisWeek, overdue] = await Promise.all([
      requestCounts(pool, tenants),
      due({ dueFrom: now, dueBefore: now + WEEK_MS }),
      due({ dueBefore: now }),
    ])
    const among = (fits: (count: RequestCount) => boolean) => sum(counts.filter(fits).map(({ n }) => n))
    const byStatus = STATUSES.map((one) => [
      one,
      figure(
        among((count) => count.status === one),
        `/v1/requests?status=${one}`,
      ),
    ])
    const isOpen = new Set<string>(OPEN)
    return {
      byStatus: Object.fromEntries(byStatus),
      open: figure(
        among((count) => isOpen.has(count.status)),
        `/v1/requests?${new URLSearchParams({ status, order: 'due' })}`,
      ),
      dueThisWeek,
      overdue,
      liveErased: figure(
        among(({ liveErased, backupClear }) => liveErased && !backupClear),
        '/v1/requests?liveErased=true&backupClear=false',
      ),
      backupClear: figure(
        among(({ backupClear }) => backupClear),
        '/v1/requests?backupClear=true',
      ),
    }
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0)
const figure = (value: number, href: string): Figure => ({ value, unknown: null, href })

function erasersOf(groups: readonly GroupView[]): OverviewView['erasers'] {
  const of = (...healths: GroupView['health'][]) =>
    groups.filter(({ health }) => healths.includes(health)).length
  return {
    up: figure(of('up', 'rebalancing'), '/v1/erasers?health=up,rebalancing'),
    silent: figure(of('silent'), '/v1/erasers?health=silent'),
    unknown: figure(of('unknown'), '/v1/erasers?health=unknown'),
  }
}

const gatesOf = (all: readonly Gate[], state: Gate['state']): Figure =>
  figure(all.filter((gate) => gate.state === state).length, `/v1/gates?state=${state}`)
