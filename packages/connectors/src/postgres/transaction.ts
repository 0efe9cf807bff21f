import type { EraseIo, Outcome, Pass } from '@lethe/eraser-kit'
import { RetryableError } from '@lethe/eraser-kit'
import type { PoolClient } from 'pg'
import { begin } from './begin.js'
import { Bisection, byTenant, OVER_CEILING, type Refusal, type Repointed, repointedKey } from './bisect.js'
import type { Compiled, PostgresContext } from './database.js'
import { committedOutcomes, type ReceiptRow, writeReceipts } from './receipts.js'
import { RetainedParts } from './retained.js'
import { sharedRow } from './shared-row.js'
import { countStatement } from './statements.js'
import type { Wanted } from './subjects.js'
import { byCollection, type CountedOrds, collectionsOf, failedOutcome, outcomeOf, Tally } from './tally.js'

/** The same work in a new transaction: someone else committed one of the passes, or there was a deadlock. */
export const AGAIN = Symbol('again')

/** One transaction over one batch: counts, changes, receipts, marker, and COMMIT before the grants expire. */
export class Transaction {
  private readonly outcomes = new Map<number, Outcome>()
  /** Passes that already had a receipt: committed by an earlier transaction. */
  private readonly earlier = new Set<number>()
  private readonly found = new Tally()
  private readonly first = new Map<string, number>()

  constructor(
    private readonly context: PostgresContext,
    private readonly compiled: Compiled,
    private readonly batch: readonly Pass[],
    private readonly io: EraseIo,
  ) {}

  async run(db: PoolClient): Promise<Outcome[] | typeof AGAIN> {
    const { batch, io } = this
    const clock = await begin(db, batch, io, this.context.options.lockTimeoutMs)
    const now = io.now()
    for (const [ord, outcome] of await committedOutcomes(db, batch)) {
      this.outcomes.set(ord, outcome)
      this.earlier.add(ord)
    }
    this.refuseUnauthorised(now)
    const written: ReceiptRow[] = []
    for (const wave of waves(this.subjects())) {
      for (const [ord, outcome] of await this.erase(db, wave, now)) {
        const pass = batch[ord] as Pass
        this.outcomes.set(ord, outcome)
        written.push({ receipt: io.receipt(pass, outcome), outcome, deadline: pass.grant.expiresAt + clock })
      }
    }
    if (written.length > 0 && (await writeReceipts(db, written)) < written.length) {
      await db.query('ROLLBACK')
      return AGAIN
    }
    return this.commit(db)
  }

  /** Counts, then changes; refuses who can't be erased. Returns the outcomes of the others. */
  private async erase(
    db: PoolClient,
    wave: readonly Wanted[],
    now: number,
  ): Promise<(readonly [number, Outcome])[]> {
    const { targets } = this.compiled.plan
    await this.count(db, wave)
    const retained = await RetainedParts.read(db, targets, wave, now)
    const ceiling = this.context.ceiling ?? null
    const waived = new Set(this.batch.flatMap((pass, ord) => (pass.ceilingWaived ? [ord] : [])))
    const within = wave.filter(({ ord }) => {
      if (ceiling === null || waived.has(ord) || this.found.total(ord) <= ceiling) return true
      this.refuse(ord, OVER_CEILING)
      return false
    })
    const repointed = await this.repoint(db, within)
    const bisection = new Bisection(db, this.compiled, repointed, { ceiling, waived, now })
    await bisection.run(within)
    for (const [ord, refusal] of bisection.refused) this.refuse(ord, refusal)
    const position = await db.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
    const counted = { found: this.found, erased: bisection.erased, redacted: bisection.redacted, retained }
    const collections = byCollection(targets)
    return [...bisection.done].map((ord) => [
      ord,
      outcomeOf(ord, collections, counted, position.rows[0]?.lsn ?? ''),
    ])
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

  /** Whom to look for; a pass that stands in the batch twice is done once. */
  private subjects(): Wanted[] {
    return this.batch.flatMap(({ requestId, subject, undated }, ord) =>
      this.outcomes.has(ord) || this.firstOf(ord) !== ord
        ? []
        : [{ ord, requestId, ...subject, ...(undated ? { undated } : {}) }],
    )
  }

  private firstOf(ord: number): number {
    const key = keyOf(this.batch[ord])
    if (this.first.size === 0)
      for (const [at, pass] of this.batch.entries())
        if (!this.first.has(keyOf(pass))) this.first.set(keyOf(pass), at)
    return this.first.get(key) ?? ord
  }

  private async count(db: PoolClient, subjects: readonly Wanted[]): Promise<void> {
    for (const [collection, targets] of byCollection(this.compiled.plan.targets)) {
      const statement = countStatement(targets, subjects)
      if (!statement) continue
      this.found.addEach(collection, (await db.query<CountedOrds>(statement)).rows)
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

  private async commit(db: PoolClient): Promise<Outcome[]> {
    const { batch, io } = this
    const done = [...this.outcomes].flatMap(([ord, { outcome }]) =>
      outcome === 'failed' || this.earlier.has(ord) ? [] : [ord],
    )
    if (io.signal.aborted)
      throw new RetryableError('aborted', 'The host is shutting down; nothing was changed.')
    if (done.some((ord) => (batch[ord]?.grant.expiresAt ?? 0) <= io.now())) {
      await db.query('ROLLBACK')
      return this.expired('grant_expired')
    }
    await db.query('COMMIT')
    return batch.map(
      (_, ord) => this.outcomes.get(this.firstOf(ord)) ?? this.failed(ord, 'store_error', 'retryable'),
    )
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

function keyOf(pass: Pass | undefined): string {
  return JSON.stringify([pass?.requestId, pass?.passId])
}

/**
 * Splits subjects so that nobody stands in one part twice: two requests of one person in one batch would
 * otherwise share the rows between them. Almost always one part.
 */
function waves(subjects: readonly Wanted[]): Wanted[][] {
  const parts: { members: Wanted[]; taken: Set<string> }[] = []
  for (const subject of subjects) {
    const keys = subject.identifiers.map(({ type, value }) => `${type} ${value}`)
    let part = parts.find(({ taken }) => !keys.some((key) => taken.has(key)))
    if (!part) {
      part = { members: [], taken: new Set() }
      parts.push(part)
    }
    part.members.push(subject)
    for (const key of keys) part.taken.add(key)
  }
  return parts.map(({ members }) => members)
}
