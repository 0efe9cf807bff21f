import { countRequests } from '@lethe/request-log'
import type { Pool } from 'pg'
import { countResidueAfterCompletion } from '../adapters/pg-matrix.js'
import { gates } from '../adapters/pg-reads.js'
import type { DeadLetters } from './dead-letters.js'
import { eraserViews } from './eraser-views.js'
import type { FigureSources, Pressing } from './figures.js'
import type { Lag } from './lag.js'
import { OPEN, type Overview } from './overview.js'
import type { Risk } from './risk.js'
import { Shared } from './shared.js'

/** Alerts are content with a minute. Milliseconds. */
const COUNTED_MAX_AGE_MS = 60_000
const FIVE_DAYS_MS = 5 * 86_400_000

/** Of all tenants. @param maxAgeMs how old what is not counted may be */
export function figureSources(
  parts: { pool: Pool; lag: Lag; risk: Risk; overview: Overview; deadLetters: DeadLetters },
  maxAgeMs: number,
): FigureSources {
  const { pool, lag, risk, overview, deadLetters } = parts
  const pressing = new Shared(() => countPressing(pool))
  return {
    lag: async () => (await lag.read(maxAgeMs)).value,
    risk: async () => (await risk.read('*', maxAgeMs)).value,
    deadLetters: async () => (await deadLetters.read(COUNTED_MAX_AGE_MS)).value,
    overview: async () => (await overview.read('*', COUNTED_MAX_AGE_MS)).value,
    pressing: async () => (await pressing.read(COUNTED_MAX_AGE_MS)).value,
    gates: () => gates(pool, lag.systems),
    erasers: async () => eraserViews(pool, (await lag.read(maxAgeMs)).value, lag.systems),
  }
}

async function countPressing(pool: Pool): Promise<Pressing> {
  const now = Date.now()
  const open = { tenants: '*', statuses: OPEN } as const
  const [due, residueAfterCompletion] = await Promise.all([
    countRequests(pool, { ...open, dueFrom: now, dueBefore: now + FIVE_DAYS_MS }),
    countResidueAfterCompletion(pool),
  ])
  return { dueIn5Days: [...due.values()].reduce((sum, n) => sum + n, 0), residueAfterCompletion }
}
