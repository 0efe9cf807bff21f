import { type Caller, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import { z } from 'zod'
import { behindCursor, type RestoreKey, type RestoreRow, restores } from '../adapters/pg-restores.js'
import type { Asked, CataloguedBackup, Drill, RestoreClient } from '../adapters/restore-client.js'
import { type DrillDue, drillsDue } from '../domain/drill-due.js'
import { Pace, type Progress } from '../domain/progress.js'
import type { Identity } from './identity.js'
import { mayLook } from './looks.js'
import type { Page } from './requests.js'

export interface RestoresQuestion {
  readonly systemId?: string | undefined
  readonly underWay?: boolean | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface RestoreView extends RestoreRow {
  /** Of the phase under way; null where none is. */
  readonly progress: Progress | null
}

const MOVING = ['announced', 'shut', 'replaying', 'probing']

/** What came back from backups, how far its replay is, and what backups there are. Names nobody. */
export class Restores {
  private readonly pace = new Pace()

  constructor(
    private readonly pool: Pool,
    private readonly restore: Pick<RestoreClient, 'backups' | 'drills'>,
    private readonly drilled: {
      /** Systems of the data map. */
      readonly systemIds: () => readonly string[]
      /** How often each must pass a drill, milliseconds; null: nobody asks for any. */
      readonly everyMs: number | null
    },
    private readonly now: () => number = Date.now,
  ) {}

  /** @throws ProblemError `invalid_request` for a cursor that this list did not give */
  async list(caller: Caller, question: RestoresQuestion): Promise<Page<RestoreView>> {
    mayLook(caller)
    const { systemId = null, underWay = null, cursor, limit } = question
    const after = cursor === undefined ? null : keyOf(cursor)
    const { rows, next } = await restores(this.pool, { systemId, underWay }, { limit, after })
    const items = await Promise.all(rows.map(async (row) => ({ ...row, progress: await this.progress(row) })))
    const nextCursor = next === null ? null : Buffer.from(JSON.stringify(next)).toString('base64url')
    return { items, nextCursor }
  }

  /** The catalogue, as the restore service judges it. */
  async backups({ caller, token }: Identity): Promise<{
    items: readonly CataloguedBackup[] | null
    unknown: Asked<unknown>['unknown']
  }> {
    mayLook(caller)
    const { value, unknown } = await this.restore.backups(token)
    return { items: value, unknown }
  }

  /** Which drills are due, and what came of those before. */
  async drills({ caller, token }: Identity): Promise<{
    due: readonly DrillDue[]
    items: readonly Drill[] | null
    unknown: Asked<unknown>['unknown']
  }> {
    mayLook(caller)
    const { value, unknown } = await this.restore.drills(token)
    const { systemIds, everyMs } = this.drilled
    return { due: drillsDue(systemIds(), value, everyMs, this.now()), items: value, unknown }
  }

  private async progress(row: RestoreRow): Promise<Progress | null> {
    if (!MOVING.includes(row.phase)) return null
    const now = this.now()
    const { done, total } = await behindCursor(this.pool, row.restoreId, now)
    if (row.phase === 'announced' || row.phase === 'shut')
      return { done: null, total, leftMs: null, unknown: { done: 'not_started', leftMs: 'not_started' } }
    const { restoreId, run, phase } = row
    return this.pace.progress({ restoreId, run, phase, done, total }, now)
  }
}

const key = z.strictObject({
  at: z.number().int().min(0),
  restoreId: z.string().regex(/^[\x21-\x7e]{1,200}$/),
})

function keyOf(cursor: string): RestoreKey {
  try {
    return key.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')))
  } catch {
    throw problem('invalid_request', 'The cursor is not one this list gave. Start again without it.')
  }
}
