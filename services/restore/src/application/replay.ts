import { RetryableError } from '@lethe/service-host'
import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import type { Replayed, Restore } from '../domain/restore.js'
import { counted, type Fate, seen } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'
import { Applying, fateOf, PageExpired, type Readable, replayedOf } from './applying.js'
import { DigestReplay } from './digest-replay.js'
import { replayedTotal, service } from './metrics.js'
import { sightUnderMaps } from './sight-under-maps.js'
import type { TombstonePage, TombstoneSource } from './tombstone-source.js'
import { listUndated, modesOf } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

const PAGE = 1_000

/**
 * Applies all live tombstones of a system to the copy that answers now, page by page, and probes everybody
 * afterwards. Counts and cursor are recorded with every page: a crash goes on behind the last one, and what was
 * erased but not recorded yet is told again by its receipts.
 */
export class Replay {
  private readonly applying: Applying
  private readonly digests: DigestReplay

  constructor(
    private readonly store: RestoreStore,
    private readonly source: TombstoneSource,
    private readonly reviews: ReviewStore,
    private readonly now: () => number = Date.now,
  ) {
    this.applying = new Applying(now)
    this.digests = new DigestReplay({ store, source, reviews, applying: this.applying, now })
  }

  async apply(restore: Restore, system: WatchedSystem, signal: AbortSignal): Promise<Tally> {
    const { systemId, restoreId, run } = restore
    const paged = await this.pages(restore, system, signal, async (tally, page, generation) => {
      const fates: Fate[] = []
      const replayed: Replayed[] = []
      const readable: Readable[] = []
      for (const tombstone of page.tombstones) {
        if (tombstone.held) fates.push({ is: 'held' })
        else if (tombstone.subject === null) fates.push({ is: 'unreadable' })
        else readable.push(tombstone as Readable)
      }
      const of = {
        name: `restore-${restoreId}`,
        number: run,
        systemId,
        generation,
        copyMap: restore.markerMap,
      }
      const modes = await modesOf(this.reviews, systemId, readable)
      const told = await this.applying.eraseAll(of, system, readable, page.validUntil, signal, modes)
      for (const { tombstone, outcome } of told) {
        const fate = fateOf(outcome)
        fates.push(fate)
        if (fate.is !== 'absent') replayed.push(replayedOf(tombstone, outcome, fate))
      }
      for (const { is } of fates) replayedTotal.inc({ system: systemId, outcome: is, service })
      return { tally: counted(tally, fates), replayed }
    })
    return this.digests.run(restore, paged, system, signal)
  }

  async probe(restore: Restore, system: WatchedSystem, signal: AbortSignal): Promise<Tally> {
    return this.pages(restore, system, signal, async (tally, { tombstones: page }) => {
      const people = page.filter((one): one is Readable => one.subject !== null)
      const modes = await modesOf(this.reviews, restore.systemId, people)
      const sights = await sightUnderMaps(system, people, modes, signal, restore.markerMap)
      await listUndated(this.reviews, restore, sights, modes, this.now())
      const findings = sights.map(({ finding }) => finding)
      return { tally: seen(tally, findings), replayed: [] }
    })
  }

  /** Reads a page ahead, and records one behind: request, store and Lethe's database work at the same time. */
  private async pages(
    restore: Restore,
    { bulkMax }: WatchedSystem,
    signal: AbortSignal,
    work: (
      tally: Tally,
      page: TombstonePage,
      generation: number,
    ) => Promise<{ tally: Tally; replayed: Replayed[] }>,
  ): Promise<Tally> {
    const generations = new Generations()
    let tally: Tally = restore
    let { cursor } = restore
    let limit = Math.max(PAGE, bulkMax)
    let recorded: Promise<void> = Promise.resolve()
    let reading = this.read(restore, cursor, limit)
    try {
      for (;;) {
        signal.throwIfAborted()
        const page = await reading
        const last = page.tombstones.at(-1)
        if (last === undefined) break
        const more = page.tombstones.length === limit
        if (more) reading = this.read(restore, last.tombstoneId, limit)
        const generation = generations.next(cursor)
        const done = await work(tally, page, generation).catch((error: unknown) => {
          if (error instanceof PageExpired) return null
          throw error
        })
        if (done === null) {
          if (limit === 1)
            throw new RetryableError('replay_too_slow', 'One person takes longer than a page lives.')
          // What of it was erased is told again by its receipts; a smaller page ends in time.
          generations.keep(generation, last.tombstoneId)
          limit = Math.max(1, Math.floor(limit / 4))
          reading = this.read(restore, cursor, limit)
          continue
        }
        tally = done.tally
        cursor = last.tombstoneId
        await recorded
        recorded = heldBack(this.store.recordPage(restore.restoreId, cursor, tally, done.replayed))
        if (!more) break
      }
    } finally {
      // Nothing is written behind a failure's back.
      await recorded.catch(() => undefined)
    }
    await recorded
    return tally
  }

  private read({ systemId, restoreId }: Restore, after: string, limit: number): Promise<TombstonePage> {
    return heldBack(this.source.page(systemId, `restore-${restoreId}`, after, limit))
  }
}

/** Its failure is met where it is awaited, which may be later. */
function heldBack<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

const GENERATIONS = 8

/**
 * Which receipts of batches a page's replace: not those of the page before, which may not be recorded yet, nor those
 * of one that ended too late, while people of it are still to come.
 */
class Generations {
  private last = -1
  private readonly kept = new Map<number, string>()

  next(cursor: string): number {
    for (const [generation, until] of this.kept) if (until <= cursor) this.kept.delete(generation)
    for (let one = 0; one < GENERATIONS; one++) {
      if (one === this.last || this.kept.has(one)) continue
      this.last = one
      return one
    }
    // A page is quartered six times at most before it is one person, so two are always free.
    throw new RetryableError('replay_too_slow', 'The store takes longer than a page lives.')
  }

  keep(generation: number, until: string): void {
    this.kept.set(generation, until)
  }
}
