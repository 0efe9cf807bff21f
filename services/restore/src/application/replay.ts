import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import type { Restore } from '../domain/restore.js'
import { countedMany, type Fate, seen } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'
import { Applying, cameOf, type Readable } from './applying.js'
import { DigestReplay } from './digest-replay.js'
import { Gathering } from './gathering.js'
import { replayedTotal, service } from './metrics.js'
import { inPages } from './paging.js'
import { sift } from './sift.js'
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
    const { systemId, restoreId, run: number, markerMap: copyMap } = restore
    const paging = this.paging(restore, system, signal)
    const gathering = new Gathering(restore.cursor === '')
    const paged = await inPages(paging, async (page, slot) => {
      const { readable, held, unreadable } = partsOf(page, gathering)
      const run = { name: `restore-${restoreId}`, number, systemId, slot, copyMap }
      const modes = await modesOf(this.reviews, systemId, readable)
      const told = await this.applying.eraseAll(run, system, readable, page.validUntil, signal, modes)
      const { fates: came, replayed } = cameOf(told)
      const others: readonly (readonly [Fate, number])[] = [
        [{ is: 'held' }, held],
        [{ is: 'unreadable' }, unreadable],
      ]
      const fates = [...came, ...others]
      for (const [{ is }, many] of fates)
        if (many > 0) replayedTotal.inc({ system: systemId, outcome: is, service }, many)
      return { added: (tally: Tally) => countedMany(tally, fates), replayed }
    })
    return this.digests.run(restore, paged, gathering.all, system, signal)
  }

  async probe(restore: Restore, system: WatchedSystem, signal: AbortSignal): Promise<Tally> {
    return inPages(this.paging(restore, system, signal), async (page) => {
      const { tombstones } = await sift(system, page, this.reviews, signal, restore.markerMap)
      const people = tombstones.filter((one): one is Readable => one.subject !== null)
      const modes = await modesOf(this.reviews, restore.systemId, people)
      const sights = await sightUnderMaps(system, people, modes, signal, restore.markerMap)
      await listUndated(this.reviews, restore, sights, modes, this.now())
      const findings = sights.map(({ finding }) => finding)
      return { added: (tally: Tally) => seen(tally, findings), replayed: [] }
    })
  }

  private paging(restore: Restore, { bulkMax, lanes }: WatchedSystem, signal: AbortSignal) {
    const { systemId, restoreId } = restore
    return {
      begun: restore,
      limit: Math.max(PAGE, bulkMax),
      lanes,
      signal,
      read: (after: string, limit: number) =>
        this.source.page(systemId, `restore-${restoreId}`, after, limit),
      record: this.store.recordPage.bind(this.store, restoreId),
    }
  }
}

/** Who of a page is to be erased now, and how many of the others are held or have to be looked for by their digests. */
function partsOf(
  page: TombstonePage,
  gathering: Gathering,
): { readonly readable: readonly Readable[]; readonly held: number; readonly unreadable: number } {
  const { left, people } = page
  if (left) {
    gathering.addLeft(left, () => page.tombstones)
    return { readable: [], held: 0, unreadable: left.size }
  }
  const { tombstones } = page
  gathering.add(tombstones)
  if (people) return { readable: tombstones as readonly Readable[], held: 0, unreadable: 0 }
  const readable: Readable[] = []
  let [held, unreadable] = [0, 0]
  for (const tombstone of tombstones) {
    if (tombstone.held) held++
    else if (tombstone.subject === null) unreadable++
    else readable.push(tombstone as Readable)
  }
  return { readable, held, unreadable }
}
