import type { EraseIo, Outcome, Pass, Session, Subject } from '@lethe/eraser-kit'
import { LetheError, PausedError, RetryableError } from '@lethe/service-host'
import type { Replayed, Restore, RestoreStore } from '../adapters/restore-store.js'
import { counted, type Fate, seen } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'
import { replayedTotal, service } from './metrics.js'
import type { LiveTombstone, TombstonePage, TombstoneSource } from './tombstone-source.js'
import type { WatchedSystem } from './watched-system.js'

/** How long one batch may take, in milliseconds: nothing else works on a gated store. */
const BATCH_MS = 120_000
const PAGE = 1_000

interface Told {
  readonly tombstone: LiveTombstone & { readonly subject: Subject }
  readonly outcome: Outcome
}

/**
 * Applies all live tombstones of a system to the copy that answers now, page by page, and probes everybody
 * afterwards. Counts and cursor are recorded with every page: a crash goes on behind the last one, and what was
 * erased but not recorded yet is told again by its receipts.
 */
export class Replay {
  constructor(
    private readonly store: RestoreStore,
    private readonly source: TombstoneSource,
    private readonly now: () => number = Date.now,
  ) {}

  async apply(restore: Restore, system: WatchedSystem, signal: AbortSignal): Promise<Tally> {
    return this.pages(restore, signal, async (tally, { tombstones: page, validUntil }) => {
      const fates: Fate[] = []
      const replayed: Replayed[] = []
      const readable: (LiveTombstone & { subject: Subject })[] = []
      for (const tombstone of page) {
        if (tombstone.held) fates.push({ is: 'held' })
        else if (tombstone.subject === null) fates.push({ is: 'unreadable' })
        else readable.push(tombstone as LiveTombstone & { subject: Subject })
      }
      for (const { tombstone, outcome } of await this.eraseAll(
        restore,
        system,
        readable,
        validUntil,
        signal,
      )) {
        const fate = fateOf(outcome)
        fates.push(fate)
        if (fate.is === 'absent') continue
        const { tombstoneId, requestId } = tombstone
        const errorCode = fate.is === 'failed' ? fate.code : null
        const told = errorCode === null ? outcome.outcome : 'failed'
        replayed.push({ tombstoneId, requestId, outcome: told, counts: outcome.counts, errorCode })
      }
      for (const { is } of fates) replayedTotal.inc({ system: system.systemId, outcome: is, service })
      return { tally: counted(tally, fates), replayed }
    })
  }

  async probe(restore: Restore, system: WatchedSystem, signal: AbortSignal): Promise<Tally> {
    const session = await system.probe()
    return this.pages(restore, signal, async (tally, { tombstones: page }) => {
      const subjects = page.flatMap(({ subject }) => (subject === null ? [] : [subject]))
      let sum = tally
      for (let from = 0; from < subjects.length; from += system.batchMax) {
        signal.throwIfAborted()
        sum = seen(sum, await session.probe(subjects.slice(from, from + system.batchMax)))
      }
      return { tally: sum, replayed: [] }
    })
  }

  private async pages(
    restore: Restore,
    signal: AbortSignal,
    work: (tally: Tally, page: TombstonePage) => Promise<{ tally: Tally; replayed: Replayed[] }>,
  ): Promise<Tally> {
    let tally: Tally = restore
    let { cursor } = restore
    let limit = PAGE
    for (;;) {
      signal.throwIfAborted()
      const page = await this.source.page(restore.systemId, `restore-${restore.restoreId}`, cursor, limit)
      const last = page.tombstones.at(-1)
      if (last === undefined) return tally
      const done = await work(tally, page).catch((error: unknown) => {
        if (error instanceof PageExpired) return null
        throw error
      })
      if (done === null) {
        if (limit === 1)
          throw new RetryableError('replay_too_slow', 'One person takes longer than a page lives.')
        // What of it was erased is told again by its receipts; a smaller page ends in time.
        limit = Math.max(1, Math.floor(limit / 4))
        continue
      }
      tally = done.tally
      cursor = last.tombstoneId
      await this.store.recordPage(restore.restoreId, cursor, tally, done.replayed)
      if (page.tombstones.length < limit) return tally
    }
  }

  /** Under the map in force for everybody, and under the tombstone's own version where that is another one. */
  private async eraseAll(
    restore: Restore,
    system: WatchedSystem,
    tombstones: readonly (LiveTombstone & { readonly subject: Subject })[],
    validUntil: number,
    signal: AbortSignal,
  ): Promise<Told[]> {
    const current = await system.currentVersion()
    const told = new Map<string, Told>()
    const versions = new Set([current, ...tombstones.map(({ mapVersion }) => mapVersion)])
    for (const version of versions) {
      const session = await system.session(version)
      const mine = version === current ? tombstones : tombstones.filter((one) => one.mapVersion === version)
      for (let from = 0; from < mine.length; from += system.batchMax) {
        signal.throwIfAborted()
        const chunk = mine.slice(from, from + system.batchMax)
        const expiresAt = Math.min(this.now() + BATCH_MS, validUntil)
        const passes = chunk.map((one) => passOf(restore, one, version, expiresAt))
        const outcomes = await this.erase(session, passes, restore.restoreId, signal)
        if (outcomes.some(({ errorCode }) => errorCode === 'grant_expired')) throw new PageExpired()
        chunk.forEach((tombstone, index) => {
          const outcome = outcomes[index] ?? unknownOutcome
          const before = told.get(tombstone.tombstoneId)?.outcome
          told.set(tombstone.tombstoneId, { tombstone, outcome: before ? worse(before, outcome) : outcome })
        })
      }
    }
    return [...told.values()]
  }

  /** A throw means nothing is known of the batch: everybody of it is tried alone, so that one can't hide the rest. */
  private async erase(
    session: Session,
    passes: readonly Pass[],
    restoreId: string,
    signal: AbortSignal,
  ): Promise<Outcome[]> {
    const io: EraseIo = {
      signal: AbortSignal.any([signal, AbortSignal.timeout(BATCH_MS)]),
      now: this.now,
      receipt: ({ requestId, passId }, outcome) => ({
        requestId,
        passId,
        body: JSON.stringify({ restoreId, outcome: outcome.outcome, counts: outcome.counts }),
      }),
    }
    try {
      return await session.erase(passes, io)
    } catch (error) {
      signal.throwIfAborted()
      // A store that is away is nobody's failure: the run goes on when it is back.
      if (error instanceof PausedError || error instanceof RetryableError) throw error
      if (passes.length > 1) {
        const half = Math.ceil(passes.length / 2)
        const first = await this.erase(session, passes.slice(0, half), restoreId, signal)
        return [...first, ...(await this.erase(session, passes.slice(half), restoreId, signal))]
      }
      return [failedWith(error instanceof LetheError ? error.code : 'unexpected')]
    }
  }
}

/** Somebody of a page may have been put under a hold since it was read, so the rest of it is read again. */
class PageExpired extends Error {}

function passOf(
  { restoreId, run, systemId }: Restore,
  { requestId, subject }: LiveTombstone & { readonly subject: Subject },
  version: number,
  expiresAt: number,
): Pass {
  const stepId = `${systemId}#restore`
  return {
    requestId,
    systemId,
    stepId,
    passId: `${stepId}/restore-${restoreId}.${run}.${version}`,
    attempt: 1,
    subject,
    grant: { grantId: restoreId, expiresAt },
    ceilingWaived: false,
  }
}

const failedWith = (errorCode: string): Outcome => ({
  outcome: 'failed',
  counts: {},
  errorCode,
  errorClass: 'terminal',
})
const unknownOutcome = failedWith('no_outcome')

const good = new Set<Outcome['outcome']>(['erased', 'redacted', 'retained', 'expiring'])

function fateOf({ outcome, errorCode }: Outcome): Fate {
  if (outcome === 'not_found') return { is: 'absent' }
  if (good.has(outcome)) return { is: 'changed' }
  return { is: 'failed', code: errorCode ?? outcome }
}

/** Of two versions of the map the failure counts, then the change. */
function worse(one: Outcome, other: Outcome): Outcome {
  const rank = { failed: 2, changed: 1, absent: 0 }
  const of = (outcome: Outcome) => {
    const { is } = fateOf(outcome)
    return is === 'failed' || is === 'changed' || is === 'absent' ? rank[is] : 0
  }
  return of(other) > of(one) ? other : one
}
