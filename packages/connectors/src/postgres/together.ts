import {
  assertAgreeing,
  type EraseIo,
  type IdentifierType,
  type Outcome,
  type ReplayPasses,
  TerminalError,
} from '@lethe/eraser-kit'
import type { PoolClient } from 'pg'
import { begin } from './begin.js'
import { Bisection } from './bisect.js'
import { type Compiled, connect } from './database.js'
import type { EraseSetting } from './erase.js'
import { crossing, failureOf, isOurs } from './errors.js'
import { changesOf } from './order.js'
import { RetainedParts } from './retained.js'
import { countStatement } from './statements.js'
import { ordsOf, type Subjects, WantedColumns } from './subjects.js'
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
  async replay(passes: ReplayPasses, io: EraseIo, slot: number): Promise<Outcome[] | null> {
    const { pool, live } = this.setting
    assertAgreeing(passes.people)
    if (passes.requestIds.length !== passes.people.counts.length)
      throw new TerminalError('people_disagree', 'There are not as many people as requests.')
    const compiled = await live.current()
    if (!this.fits(compiled, passes, io)) return null
    let client: PoolClient
    try {
      client = await connect(pool)
    } catch (error) {
      throw crossing(error, 'connect')
    }
    let usable = false
    try {
      const outcomes = await this.inTransaction(client, compiled, passes, io, slot)
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
    passes: ReplayPasses,
    io: EraseIo,
    slot: number,
  ): Promise<Outcome[] | null> {
    const { options } = this.setting.context
    const { passId, grant, requestIds } = passes
    // Nobody else is in the store: what is waited for is the other batch that counts itself in the marker.
    const clock = await begin(db, [passes], io, Math.max(options.lockTimeoutMs, LOCK_MS))
    const before = await this.receipts.read(db, passId, slot)
    const outcomes = requestIds.map((requestId) => before.told(requestId))
    const wanted = wantedIn(passes, outcomes)
    const ords = ordsOf(wanted)
    const done = await this.erased(db, compiled, passes, wanted, ords, io.now())
    if (done === null) return null
    ords.forEach((ord, at) => {
      outcomes[ord] = done[at]
    })
    const told = outcomes as Outcome[]
    const deadline = grant.expiresAt + clock
    const written = await this.receipts.write(db, { before, requests: requestIds, told, deadline })
    if (io.signal.aborted || grant.expiresAt <= io.now()) return null
    await db.query('COMMIT')
    this.receipts.remember(written)
    return told
  }

  /** Outcomes in the order of `ords`, which are those of `wanted`; null when somebody stands in the way. */
  private async erased(
    db: PoolClient,
    { plan, groups }: Compiled,
    { ceilingWaived: waived }: ReplayPasses,
    wanted: Subjects,
    ords: readonly number[],
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
    const ceiling = this.setting.context.ceiling ?? null
    const bisection = new Bisection(db, { plan, groups }, new Map(), { ceiling, waived, now })
    const position = await bisection.together(wanted)
    if (position === null) return null
    if (ceiling !== null && ords.some((ord) => !waived.has(ord) && found.total(ord) > ceiling)) return null
    const counted = { found, erased: bisection.erased, redacted: bisection.redacted, retained }
    return outcomesOf(ords, collections, counted, position)
  }

  private fits({ plan }: Compiled, { grant, requestIds, people }: ReplayPasses, io: EraseIo): boolean {
    if (requestIds.length === 0 || grant.expiresAt <= io.now()) return false
    if (!changesOf(plan.targets).every(({ operation }) => PLAIN.has(operation))) return false
    const { tenant } = this.setting.context
    if ('constant' in tenant && people.tenantIds.some((tenantId) => tenantId !== tenant.constant))
      return false
    if (new Set(requestIds).size !== requestIds.length) return false
    const types = new Set<IdentifierType>(plan.targets.map((target) => target.identifier))
    return isEachOnce(people) && isEachUsable(people, types)
  }
}

/** Longest wait for a row that another batch has locked, milliseconds. */
const LOCK_MS = 20_000

/** Others create rows, move them to others, or look at the texts of others first. */
const PLAIN: ReadonlySet<string> = new Set(['delete', 'redact'])

/** Whoever was told before is not looked for again. */
function wantedIn(passes: ReplayPasses, before: readonly (Outcome | undefined)[]): Subjects {
  const all = new WantedColumns(passes)
  if (before.every((outcome) => outcome === undefined)) return all
  return all.objects.filter(({ ord }) => before[ord] === undefined)
}

/** Two requests of one person share the rows between them. */
function isEachOnce({ types, values }: ReplayPasses['people']): boolean {
  const taken = new Map<IdentifierType, Set<string>>()
  for (let at = 0; at < values.length; at++) {
    const type = types[at] as IdentifierType
    const those = taken.get(type) ?? new Set<string>()
    taken.set(type, those)
    const others = those.size
    if (those.add(values[at] as string).size === others) return false
  }
  return true
}

/** Whoever nothing can be found by is told so alone. */
function isEachUsable(
  { counts, types, values }: ReplayPasses['people'],
  usable: ReadonlySet<IdentifierType>,
): boolean {
  let at = 0
  for (const count of counts) {
    let isUsable = false
    for (const end = at + count; at < end; at++)
      isUsable ||= values[at] !== '' && usable.has(types[at] as IdentifierType)
    if (!isUsable) return false
  }
  return true
}
