import { RetryableError } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { Replayed, Restore } from '../domain/restore.js'
import { counted, type Fate, seen } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'
import { Applying, fateOf, PageExpired, type Readable, replayedOf } from './applying.js'
import { replayedTotal, service } from './metrics.js'
import type { TombstonePage, TombstoneSource } from './tombstone-source.js'
import type { WatchedSystem } from './watched-system.js'

const PAGE = 1_000

/**
 * Applies all live tombstones of a system to the copy that answers now, page by page, and probes everybody
 * afterwards. Counts and cursor are recorded with every page: a crash goes on behind the last one, and what was
 * erased but not recorded yet is told again by its receipts.
 */
export class Replay {
  private readonly applying: Applying

  constructor(
    private readonly store: RestoreStore,
    private readonly source: TombstoneSource,
    now: () => number = Date.now,
  ) {
    this.applying = new Applying(now)
  }

  async apply(restore: Restore, system: WatchedSystem, signal: AbortSignal): Promise<Tally> {
    return this.pages(restore, signal, async (tally, { tombstones: page, validUntil }) => {
      const fates: Fate[] = []
      const replayed: Replayed[] = []
      const readable: Readable[] = []
      for (const tombstone of page) {
        if (tombstone.held) fates.push({ is: 'held' })
        else if (tombstone.subject === null) fates.push({ is: 'unreadable' })
        else readable.push(tombstone as Readable)
      }
      const { systemId, restoreId, run } = restore
      const of = { name: `restore-${restoreId}`, number: run, systemId }
      const told = await this.applying.eraseAll(of, system, readable, validUntil, signal)
      for (const { tombstone, outcome } of told) {
        const fate = fateOf(outcome)
        fates.push(fate)
        if (fate.is !== 'absent') replayed.push(replayedOf(tombstone, outcome, fate))
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
}
