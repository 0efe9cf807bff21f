import type { EraseIo, Outcome, Pass } from '@lethe/eraser-kit'
import { PausedError, RetryableError } from '@lethe/eraser-kit'
import type { PoolClient } from 'pg'
import { Bisection, byTenant, OVER_CEILING, type Refusal, type Repointed, repointedKey } from './bisect.js'
import type { Compiled, PostgresContext } from './database.js'
import { committedOutcomes, writeReceipts } from './receipts.js'
import { RetainedParts } from './retained.js'
import type { Wanted } from './selector.js'
import { sharedRow } from './shared-row.js'
import { countStatement } from './statements.js'
import { byCollection, collectionsOf, failedOutcome, outcomeOf, Tally } from './tally.js'

/** The same work in a new transaction: someone else committed one of the passes, or there was a deadlock. */
export const AGAIN = Symbol('again')

/** One transaction over one batch: counts, changes, receipts, marker, and COMMIT before the grants expire. */
export class Transaction {
  private readonly outcomes = new Map<number, Outcome>()
  /** Passes that already had a receipt: committed by an earlier transaction. */
  private readonly earlier = new Set<number>()
  private readonly found = new Tally()

  constructor(
    private readonly context: PostgresContext,
    private readonly compiled: Compiled,
    private readonly batch: readonly Pass[],
    private readonly io: EraseIo,
  ) {}

  async run(db: PoolClient): Promise<Outcome[] | typeof AGAIN> {
    const { batch, io } = this
    const clock = await this.begin(db)
    const now = io.now()
    for (const [ord, outcome] of await committedOutcomes(db, batch)) {
      this.outcomes.set(ord, outcome)
      this.earlier.add(ord)
    }
    this.refuseUnauthorised(now)
    const subjects = this.subjects()
    const collections = byCollection(this.compiled.plan.targets)
    await this.count(db, [...subjects.values()])
    const retained = await RetainedParts.read(db, this.compiled.plan.targets, [...subjects.values()], now)
    const waived = new Set(batch.flatMap((pass, ord) => (pass.ceilingWaived ? [ord] : [])))
    const ceiling = this.context.ceiling ?? null
    const within = [...subjects.keys()].filter((ord) => {
      if (ceiling === null || waived.has(ord) || this.found.total(ord) <= ceiling) return true
      this.refuse(ord, OVER_CEILING)
      return false
    })
    const wanted = within.flatMap((ord) => subjects.get(ord) ?? [])
    const repointed = await this.repoint(db, wanted)
    const bisection = new Bisection(db, this.compiled, subjects, repointed, { ceiling, waived, now })
    await bisection.run(within)
    for (const [ord, refusal] of bisection.refused) this.refuse(ord, refusal)
    const position = (await db.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn'))
      .rows[0]?.lsn
    const written = [...bisection.done].map((ord) => {
      const outcome = outcomeOf(
        ord,
        collections,
        { found: this.found, erased: bisection.erased, redacted: bisection.redacted, retained },
        position ?? '',
      )
      this.outcomes.set(ord, outcome)
      const pass = batch[ord] as Pass
      return { receipt: io.receipt(pass, outcome), outcome, deadline: pass.grant.expiresAt + clock }
    })
    if (written.length > 0 && (await writeReceipts(db, written)) < written.length) {
      await db.query('ROLLBACK')
      return AGAIN
    }
    return this.commit(db, [...bisection.done])
  }

  /** Returns what to add to the host's clock to get the server's, never too much: the server is asked first. */
  private async begin(db: PoolClient): Promise<number> {
    const { batch, io } = this
    const alive = batch.map((pass) => pass.grant.expiresAt - io.now()).filter((left) => left > 0)
    const left = Math.max(1, Math.floor(Math.min(...alive, 600_000)))
    const lock = Math.max(1, Math.min(this.context.options.lockTimeoutMs, Math.ceil(left / 4)))
    await db.query('BEGIN ISOLATION LEVEL READ COMMITTED')
    const { rows } = await db.query<{ server: number; standby: boolean }>(
      `SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
         set_config('idle_in_transaction_session_timeout', $3, true), set_config('row_security', 'off', true),
         set_config('TimeZone', 'UTC', true), pg_is_in_recovery() AS standby,
         (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS server`,
      [String(lock), String(left), String(left + 1_000)],
    )
    const server = rows[0]
    if (!server || server.standby)
      throw new PausedError('read_only', 'The server is a standby: point the eraser at the primary.')
    await db.query('SET CONSTRAINTS ALL DEFERRED')
    return server.server - io.now()
  }

  private refuseUnauthorised(now: number): void {
    const { tenant } = this.context
    const types = new Set(this.compiled.plan.targets.map((target) => target.identifier))
    for (const [ord, pass] of this.batch.entries()) {
      if (this.outcomes.has(ord)) continue
      if (pass.grant.expiresAt <= now) this.refuse(ord, { code: 'grant_expired', errorClass: 'retryable' })
      else if ('constant' in tenant && pass.subject.tenantId !== tenant.constant)
        this.refuse(ord, { code: 'unknown_tenant', errorClass: 'terminal' })
      else if (!pass.subject.identifiers.some(({ type, value }) => types.has(type) && value !== ''))
        this.refuse(ord, { code: 'no_identifier', errorClass: 'terminal' })
    }
  }

  private subjects(): Map<number, Wanted> {
    const subjects = new Map<number, Wanted>()
    for (const [ord, { subject }] of this.batch.entries()) {
      if (!this.outcomes.has(ord)) subjects.set(ord, { ord, ...subject })
    }
    return subjects
  }

  private async count(db: PoolClient, subjects: readonly Wanted[]): Promise<void> {
    for (const [collection, targets] of byCollection(this.compiled.plan.targets)) {
      const statement = countStatement(targets, subjects)
      if (!statement) continue
      const { rows } = await db.query<{ ord: number; rows: number }>(statement)
      for (const row of rows) this.found.add(row.ord, collection, row.rows)
    }
  }

  private async repoint(db: PoolClient, subjects: readonly Wanted[]): Promise<Repointed> {
    const values = new Map<string, Record<string, string>>()
    const { plan, groups } = this.compiled
    const tenantName = 'column' in plan.tenantRule ? plan.tenantRule.column : null
    for (const change of groups.flat()) {
      if (change.operation !== 'detach') continue
      for (const [tenantId, members] of byTenant(subjects)) {
        // Created on first need only: whoever has no rows here needs no shared row.
        if (!members.some(({ ord }) => this.found.of(ord, change.target.collection) > 0)) continue
        const row = await sharedRow(db, change.target, plan.catalogue, tenantName, tenantId)
        values.set(repointedKey(change, tenantId), row)
      }
    }
    return values
  }

  private async commit(db: PoolClient, done: readonly number[]): Promise<Outcome[]> {
    const { batch, io } = this
    if (io.signal.aborted)
      throw new RetryableError('aborted', 'The host is shutting down; nothing was changed.')
    if (done.some((ord) => (batch[ord]?.grant.expiresAt ?? 0) <= io.now())) {
      await db.query('ROLLBACK')
      return this.expired('grant_expired')
    }
    await db.query('COMMIT')
    return batch.map((_, ord) => this.outcomes.get(ord) ?? this.failed(ord, 'store_error', 'retryable'))
  }

  /** The outcomes when nothing was committed: only what earlier transactions did stands. */
  expired(code: string): Outcome[] {
    return this.batch.map((_, ord) => {
      const before = this.outcomes.get(ord)
      const stands = before && (this.earlier.has(ord) || before.outcome === 'failed')
      return stands ? before : this.failed(ord, code, 'retryable')
    })
  }

  private refuse(ord: number, refusal: Refusal): void {
    this.outcomes.set(ord, this.failed(ord, refusal.code, refusal.errorClass))
  }

  private failed(ord: number, code: string, errorClass: Refusal['errorClass']): Outcome {
    return failedOutcome(ord, collectionsOf(this.compiled.plan), this.found, code, errorClass)
  }
}
