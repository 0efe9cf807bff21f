import type { EraseIo, Outcome, Pass } from '@lethe/eraser-kit'
import type { PoolClient } from 'pg'
import { begin } from './begin.js'
import { Bisection } from './bisect.js'
import { type Compiled, connect } from './database.js'
import type { EraseSetting } from './erase.js'
import { crossing, failureOf, isOurs } from './errors.js'
import { changesOf } from './order.js'
import { RetainedParts } from './retained.js'
import type { Wanted } from './selector.js'
import { countStatement } from './statements.js'
import { byCollection, outcomeOf, Tally } from './tally.js'
import { TogetherReceipts, type Told } from './together-receipts.js'

/**
 * Erases everybody of a batch in one go, where nothing stands in the way of that: one statement per element, one
 * receipt for all. What needs a look at each person (a hindrance, a ceiling, somebody twice) is left to `erase`.
 */
export class Together {
  private readonly receipts = new TogetherReceipts()

  constructor(private readonly setting: EraseSetting) {}

  /** Null: nothing was changed. @throws as `erase` does, when nothing is known of the batch */
  async replay(batch: readonly Pass[], io: EraseIo, slot: number): Promise<Outcome[] | null> {
    const { pool, live } = this.setting
    const compiled = await live.current()
    if (!this.fits(compiled, batch, io)) return null
    let client: PoolClient
    try {
      client = await connect(pool)
    } catch (error) {
      throw crossing(error, 'connect')
    }
    let usable = false
    try {
      const outcomes = await this.inTransaction(client, compiled, batch, io, slot)
      if (outcomes === null) await client.query('ROLLBACK')
      usable = true
      return outcomes
    } catch (error) {
      usable = await client.query('ROLLBACK').then(
        () => true,
        () => false,
      )
      if (isOurs(error)) throw error
      const { code, scope } = failureOf(error)
      // Contention and expiry are told per person by whoever tries again.
      if (usable && (scope === 'transaction' || code === 'grant_expired' || code === 'timeout')) return null
      throw crossing(error, 'replay a batch')
    } finally {
      client.release(!usable)
    }
  }

  private async inTransaction(
    db: PoolClient,
    compiled: Compiled,
    batch: readonly Pass[],
    io: EraseIo,
    slot: number,
  ): Promise<Outcome[] | null> {
    const { options } = this.setting.context
    // Nobody else is in the store: what is waited for is the other batch that counts itself in the marker.
    const clock = await begin(db, batch, io, Math.max(options.lockTimeoutMs, LOCK_MS))
    const passId = batch[0]?.passId ?? ''
    const told = await this.receipts.read(db, passId)
    const wanted = batch.flatMap(({ requestId, subject, undated }, ord): Wanted[] =>
      told.has(requestId) ? [] : [{ ord, requestId, ...subject, ...(undated ? { undated } : {}) }],
    )
    const done = await this.erased(db, compiled, batch, wanted, io.now())
    if (done === null) return null
    const fresh = new Map(wanted.map(({ ord, requestId = '' }) => [requestId, done.get(ord) as Outcome]))
    const deadline = Math.min(...batch.map(({ grant }) => grant.expiresAt)) + clock
    const mine = new Map([...kept(batch, told), ...fresh])
    const written = await this.receipts.write(db, { passId, slot, told: mine, deadline })
    if (io.signal.aborted || batch.some(({ grant }) => grant.expiresAt <= io.now())) return null
    await db.query('COMMIT')
    this.receipts.remember(written)
    return batch.map(({ requestId }) => (fresh.get(requestId) ?? told.get(requestId)) as Outcome)
  }

  /** Outcomes by place; null when somebody stands in the way. */
  private async erased(
    db: PoolClient,
    { plan, groups }: Compiled,
    batch: readonly Pass[],
    wanted: readonly Wanted[],
    now: number,
  ): Promise<Map<number, Outcome> | null> {
    const collections = byCollection(plan.targets)
    const found = new Tally()
    for (const [collection, targets] of collections) {
      // What one element changed is all that was found; what several did may be the same rows.
      if (targets.length === 1) continue
      const statement = countStatement(targets, wanted)
      if (!statement) continue
      for (const row of (await db.query<{ ord: number; rows: number }>(statement)).rows)
        found.add(row.ord, collection, row.rows)
    }
    const retained = await RetainedParts.read(db, plan.targets, wanted, now)
    const waived = new Set(batch.flatMap((pass, ord) => (pass.ceilingWaived ? [ord] : [])))
    const limits = { ceiling: this.setting.context.ceiling ?? null, waived, now }
    const subjects = new Map(wanted.map((subject) => [subject.ord, subject]))
    const bisection = new Bisection(db, { plan, groups }, subjects, new Map(), limits)
    if (!(await bisection.together([...subjects.keys()]))) return null
    const over = (ord: number) =>
      limits.ceiling !== null && !waived.has(ord) && found.total(ord) > limits.ceiling
    if (wanted.some(({ ord }) => over(ord))) return null
    const position = await db.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn')
    const counted = { found, erased: bisection.erased, redacted: bisection.redacted, retained }
    const lsn = position.rows[0]?.lsn ?? ''
    return new Map(wanted.map(({ ord }) => [ord, outcomeOf(ord, collections, counted, lsn)]))
  }

  private fits({ plan }: Compiled, batch: readonly Pass[], io: EraseIo): boolean {
    const [first] = batch
    if (!first || !changesOf(plan.targets).every(({ operation }) => PLAIN.has(operation))) return false
    const { tenant } = this.setting.context
    const types = new Set<string>(plan.targets.map((target) => target.identifier))
    const now = io.now()
    const requests = new Set<string>()
    const identifiers = new Set<string>()
    for (const { passId, requestId, grant, subject } of batch) {
      if (passId !== first.passId || requests.has(requestId) || grant.expiresAt <= now) return false
      if ('constant' in tenant && subject.tenantId !== tenant.constant) return false
      requests.add(requestId)
      let usable = false
      for (const { type, value } of subject.identifiers) {
        const key = `${type} ${value}`
        // Two requests of one person share the rows between them.
        if (identifiers.has(key)) return false
        identifiers.add(key)
        usable ||= value !== '' && types.has(type)
      }
      if (!usable) return false
    }
    return true
  }
}

/** Longest wait for a row that another batch has locked, milliseconds. */
const LOCK_MS = 20_000

/** Others create rows, move them to others, or look at the texts of others first. */
const PLAIN: ReadonlySet<string> = new Set(['delete', 'redact'])

/** Of this batch; what was told of others has been recorded since. */
function kept(batch: readonly Pass[], told: Told): Told {
  return new Map(
    batch.flatMap(({ requestId }) => {
      const outcome = told.get(requestId)
      return outcome === undefined ? [] : [[requestId, outcome] as const]
    }),
  )
}
