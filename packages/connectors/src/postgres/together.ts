import type { EraseIo, Outcome, Pass, Subject } from '@lethe/eraser-kit'
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
import { byCollection, type CountedOrds, outcomesOf, Tally } from './tally.js'
import { TogetherReceipts } from './together-receipts.js'

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
    const before = await this.receipts.read(db, passId, slot)
    const outcomes = batch.map(({ requestId }) => before.told(requestId))
    const wanted: Wanted[] = []
    batch.forEach(({ requestId, subject, undated }, ord) => {
      if (outcomes[ord] === undefined) wanted.push(wantedOf(ord, requestId, subject, undated))
    })
    const done = await this.erased(db, compiled, batch, wanted, io.now())
    if (done === null) return null
    wanted.forEach(({ ord }, at) => {
      outcomes[ord] = done[at]
    })
    const told = outcomes as Outcome[]
    const requests = batch.map(({ requestId }) => requestId)
    const deadline = earliest(batch) + clock
    const written = await this.receipts.write(db, { before, requests, told, deadline })
    if (io.signal.aborted || earliest(batch) <= io.now()) return null
    await db.query('COMMIT')
    this.receipts.remember(written)
    return told
  }

  /** Outcomes in the order of `wanted`; null when somebody stands in the way. */
  private async erased(
    db: PoolClient,
    { plan, groups }: Compiled,
    batch: readonly Pass[],
    wanted: readonly Wanted[],
    now: number,
  ): Promise<Outcome[] | null> {
    const collections = byCollection(plan.targets)
    const found = new Tally()
    for (const [collection, targets] of collections) {
      // What one element changed is all that was found; what several did may be the same rows.
      if (targets.length === 1) continue
      const statement = countStatement(targets, wanted)
      if (statement) found.addEach(collection, (await db.query<CountedOrds>(statement)).rows)
    }
    const retained = await RetainedParts.read(db, plan.targets, wanted, now)
    const waived = new Set<number>()
    batch.forEach((pass, ord) => {
      if (pass.ceilingWaived) waived.add(ord)
    })
    const ceiling = this.setting.context.ceiling ?? null
    const bisection = new Bisection(db, { plan, groups }, new Map(), { ceiling, waived, now })
    const position = await bisection.together(wanted)
    if (position === null) return null
    const isOver = ({ ord }: Wanted) => ceiling !== null && !waived.has(ord) && found.total(ord) > ceiling
    if (wanted.some(isOver)) return null
    const counted = { found, erased: bisection.erased, redacted: bisection.redacted, retained }
    return outcomesOf(wanted, collections, counted, position)
  }

  private fits({ plan }: Compiled, batch: readonly Pass[], io: EraseIo): boolean {
    const [first] = batch
    if (!first || !changesOf(plan.targets).every(({ operation }) => PLAIN.has(operation))) return false
    const { tenant } = this.setting.context
    const types = new Set<string>(plan.targets.map((target) => target.identifier))
    const now = io.now()
    const requests = new Set<string>()
    const taken = new Map<string, Set<string>>()
    for (const { passId, requestId, grant, subject } of batch) {
      if (passId !== first.passId || grant.expiresAt <= now) return false
      if ('constant' in tenant && subject.tenantId !== tenant.constant) return false
      requests.add(requestId)
      let usable = false
      for (const { type, value } of subject.identifiers) {
        const values = taken.get(type) ?? new Set<string>()
        taken.set(type, values)
        // Two requests of one person share the rows between them.
        const others = values.size
        if (values.add(value).size === others) return false
        usable ||= value !== '' && types.has(type)
      }
      if (!usable) return false
    }
    return requests.size === batch.length
  }
}

/** Longest wait for a row that another batch has locked, milliseconds. */
const LOCK_MS = 20_000

/** Others create rows, move them to others, or look at the texts of others first. */
const PLAIN: ReadonlySet<string> = new Set(['delete', 'redact'])

function earliest(batch: readonly Pass[]): number {
  let least = Number.POSITIVE_INFINITY
  for (const { grant } of batch) if (grant.expiresAt < least) least = grant.expiresAt
  return least
}

function wantedOf(ord: number, requestId: string, subject: Subject, undated: Pass['undated']): Wanted {
  const { tenantId, identifiers, receivedAt } = subject
  if (undated) return { ord, requestId, tenantId, identifiers, receivedAt, undated }
  return { ord, requestId, tenantId, identifiers, receivedAt }
}
