import type { RestoreStore } from '../adapters/restore-store.js'
import type { ReviewStore } from '../adapters/review-store.js'
import { kindsOf, type ReplayedKind } from '../domain/replayed-kinds.js'
import type { Restore } from '../domain/restore.js'
import { countedMany, type Fate, seen } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'
import { Applying, cameInColumns, cameOf, type Readable, type Run } from './applying.js'
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
      const run = { name: `restore-${restoreId}`, number, systemId, slot, copyMap }
      const { fates, replayed } = await this.erased(run, system, page, gathering, signal)
      for (const [{ is }, many] of fates)
        if (many > 0) replayedTotal.inc({ system: systemId, outcome: is, service }, many)
      return { added: (tally: Tally) => countedMany(tally, fates), replayed }
    })
    return this.digests.run(restore, paged, gathering.all, system, signal)
  }

  /** In columns where that is all there is to a page; of whoever is left then, one by one. */
  private async erased(
    run: Run,
    system: WatchedSystem,
    page: TombstonePage,
    gathering: Gathering,
    signal: AbortSignal,
  ): Promise<Came> {
    const { people, validUntil } = page
    if (!people) return this.eraseEach(run, system, page, partsOf(page, gathering), signal)
    // Before anything is waited for: pages are gathered in their order.
    gathering.pass(people.lastId)
    const everybody = (by: Run) =>
      this.eraseEach(by, system, page, { readable: page.tombstones as readonly Readable[] }, signal)
    if (await this.reviews.any(system.systemId)) return everybody(run)
    const came = await this.applying.eraseColumns(run, system, people, validUntil, signal)
    return 'outcomes' in came ? cameInColumns(people, came.outcomes) : everybody(came.otherwise)
  }

  private async eraseEach(
    run: Run,
    system: WatchedSystem,
    { validUntil }: TombstonePage,
    { readable, held = 0, unreadable = 0 }: Parts,
    signal: AbortSignal,
  ): Promise<Came> {
    const modes = await modesOf(this.reviews, system.systemId, readable)
    const told = await this.applying.eraseAll(run, system, readable, validUntil, signal, modes)
    const { fates, replayed } = cameOf(told)
    const others: Came['fates'] = [
      [{ is: 'held' }, held],
      [{ is: 'unreadable' }, unreadable],
    ]
    return { fates: [...fates, ...others], replayed: kindsOf(replayed) }
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

interface Came {
  readonly fates: readonly (readonly [Fate, number])[]
  readonly replayed: readonly ReplayedKind[]
}

/** Who of a page is to be erased now, and how many of the others are held or have to be looked for by their digests. */
interface Parts {
  readonly readable: readonly Readable[]
  readonly held?: number
  readonly unreadable?: number
}

function partsOf(page: TombstonePage, gathering: Gathering): Parts {
  const { left } = page
  if (left) {
    gathering.addLeft(left, () => page.tombstones)
    return { readable: [], unreadable: left.size }
  }
  const { tombstones } = page
  gathering.add(tombstones)
  const readable: Readable[] = []
  let [held, unreadable] = [0, 0]
  for (const tombstone of tombstones) {
    if (tombstone.held) held++
    else if (tombstone.subject === null) unreadable++
    else readable.push(tombstone as Readable)
  }
  return { readable, held, unreadable }
}
