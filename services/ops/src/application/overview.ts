import {
  countOpenTasks,
  countRequests,
  type RequestCount,
  requestCounts,
  type TenantScope,
} from '@lethe/request-log'
import type { Pool } from 'pg'
import { countFindings } from '../adapters/pg-matrix.js'
import { gates, type OpenPass, oldestUnacknowledged } from '../adapters/pg-reads.js'
import type { DeadLetters } from './dead-letters.js'
import { eraserViews } from './eraser-views.js'
import type { Lag } from './lag.js'
import {
  counted,
  type EraserFigures,
  eraserFigures,
  type Figure,
  type GateFigures,
  gateFigures,
  known,
  letterFigures,
  riskFigure,
} from './overview-figures.js'
import type { Risk } from './risk.js'
import { type Dated, SharedBy } from './shared.js'

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
  /** Those among them that were to be done by now. */
  readonly tasksOverdue: Figure
  readonly atRisk: Figure
  readonly erasers: EraserFigures
  readonly gates: GateFigures
  readonly deadLetters: Figure
  /** Those among them that failed again after every redrive. */
  readonly quarantined: Figure
  /** `pass` null: none waits, or it is not known, and why. */
  readonly oldestUnacknowledged: {
    readonly pass: OpenPass | null
    readonly ageMs: number | null
    readonly unknown: string | null
  }
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
    const [requests, found, tasks, oldest, doors, letters, endangered, erasers] = await Promise.all([
      this.requests(tenants, now),
      known(countFindings(pool, tenants)),
      known(countOpenTasks(pool, tenants, now)),
      known(oldestUnacknowledged(pool, tenants).then((pass) => ({ pass }))),
      known(gates(pool, systemIds())),
      deadLetters.read(DEAD_LETTERS_MAX_AGE_MS),
      known(risk.read(tenants, LAG_MAX_AGE_MS)),
      eraserViews(pool, measured.value, systemIds()),
    ])
    const pass = oldest?.pass ?? null
    const view: OverviewView = {
      requests,
      verification: {
        residual: counted(found?.residual, '/v1/verification?finding=residual'),
        inconclusive: counted(found?.inconclusive, '/v1/verification?finding=inconclusive'),
      },
      tasks: counted(tasks?.open, '/v1/requests?taskOpen=true&order=due'),
      tasksOverdue: counted(tasks?.overdue, '/v1/requests?taskOverdue=true&order=due'),
      atRisk: riskFigure(endangered?.value ?? null),
      erasers: eraserFigures(erasers),
      gates: gateFigures(doors),
      ...letterFigures(letters.value),
      oldestUnacknowledged: {
        pass,
        ageMs: pass && Math.max(0, now - pass.requestedAt),
        unknown: oldest === null ? 'postgresql_unreachable' : null,
      },
    }
    const parts = [measured, letters, ...(endangered ? [endangered] : [])].map(({ startedAt }) => startedAt)
    return { startedAt: Math.min(now, ...parts), value: view }
  }

  private async requests(tenants: TenantScope, now: number): Promise<OverviewView['requests']> {
    const { pool } = this.parts
    const status = OPEN.join(',')
    const due = async (filter: { dueFrom?: number; dueBefore: number }) => {
      const found = await known(countRequests(pool, { tenants, statuses: OPEN, ...filter }))
      const dates = Object.entries(filter).map(([name, at]) => [name, `${at}`] as const)
      const query = new URLSearchParams({ status, ...Object.fromEntries(dates), order: 'due' })
      return counted(found && sum([...found.values()]), `/v1/requests?${query}`)
    }
    const [counts, dueThisWeek, overdue] = await Promise.all([
      known(requestCounts(pool, tenants)),
      due({ dueFrom: now, dueBefore: now + WEEK_MS }),
      due({ dueBefore: now }),
    ])
    const among = (fits: (count: RequestCount) => boolean) =>
      counts && sum(counts.filter(fits).map(({ n }) => n))
    const byStatus = STATUSES.map((one) => [
      one,
      counted(
        among((count) => count.status === one),
        `/v1/requests?status=${one}`,
      ),
    ])
    const isOpen = new Set<string>(OPEN)
    return {
      byStatus: Object.fromEntries(byStatus),
      open: counted(
        among((count) => isOpen.has(count.status)),
        `/v1/requests?${new URLSearchParams({ status, order: 'due' })}`,
      ),
      dueThisWeek,
      overdue,
      liveErased: counted(
        among(({ liveErased, backupClear }) => liveErased && !backupClear),
        '/v1/requests?liveErased=true&backupClear=false',
      ),
      backupClear: counted(
        among(({ backupClear }) => backupClear),
        '/v1/requests?backupClear=true',
      ),
    }
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0)
