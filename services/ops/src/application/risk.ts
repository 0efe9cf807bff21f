import type { TenantScope } from '@lethe/request-log'
import type { Pool } from 'pg'
import { underWay } from '../adapters/pg-reads.js'
import { type Delay, type Endangered, endangered } from '../domain/at-risk.js'
import { delaysOf } from '../domain/delays.js'
import type { Lag, LagView } from './lag.js'
import type { Dated } from './shared.js'

export interface RiskView {
  readonly delays: readonly Delay[]
  readonly items: readonly Endangered[]
  /** How many requests were looked at, those with the nearest deadlines. */
  readonly examined: number
  /** There were more than could be looked at. */
  readonly truncated: boolean
}

/** Looked at per question, nearest deadline first. */
const MOST = 2_000

/** Joins lag to deadlines. */
export class Risk {
  constructor(
    private readonly pool: Pool,
    private readonly lag: Lag,
  ) {}

  async read(tenants: TenantScope, maxAgeMs: number): Promise<Dated<RiskView>> {
    const { startedAt, value } = await this.lag.read(maxAgeMs)
    const delays = delaysFrom(value)
    const open = await underWay(this.pool, tenants, MOST + 1)
    const examined = open.slice(0, MOST)
    const items = endangered(Date.now(), delays, examined)
    return {
      startedAt,
      value: { delays, items, examined: examined.length, truncated: open.length > MOST },
    }
  }
}

const delaysFrom = ({ groups, connector }: LagView): Delay[] =>
  delaysOf(
    groups.map(({ group, health, drainMs, unknown }) => ({
      group,
      health,
      drainMs,
      why: unknown['drainMs'] ?? null,
    })),
    connector,
  )
