import type { RestoreStore } from '../adapters/restore-store.js'
import { MATCHED, MatchedTally } from '../domain/matched-tally.js'
import type { Restore } from '../domain/restore.js'
import { TombstoneSet } from '../domain/tombstone-set.js'
import type { Tally } from '../domain/waiting.js'
import type { Wanted } from '../domain/wanted.js'
import { type ErasingParts, eraseFound, type FoundErased, replayedIn } from './digest-erasing.js'
import { DigestMatching, type Found } from './digest-matching.js'
import type { TombstoneSource } from './tombstone-source.js'
import { listUndated } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

/** While some are erased others are asked for, looked for and recorded; each takes a connection or two of the store. */
const AT_ONCE = 3

export interface DigestReplayParts extends ErasingParts {
  readonly store: RestoreStore
  readonly source: TombstoneSource
  readonly now: () => number
}

/** Erases people of whom only digests are left from a store that came back; whoever can't be found stays unreadable. */
export class DigestReplay {
  private readonly matching: DigestMatching

  constructor(private readonly parts: DigestReplayParts) {
    this.matching = new DigestMatching(parts.source)
  }

  /**
   * After all pages. Done again after a crash: what was recorded is not counted twice, and whoever failed is tried again.
   *
   * @param gathered whom the pages were about; null: they are read again
   */
  async run(
    begun: Restore,
    before: Tally,
    gathered: Wanted | null,
    system: WatchedSystem,
    signal: AbortSignal,
  ): Promise<Tally> {
    const { store } = this.parts
    // Its cursor is behind the pages by now.
    const restore = (await store.restore(begun.restoreId)) ?? begun
    const { restoreId, cursor, run: number } = restore
    if (cursor === MATCHED) return before
    const started = await store.startMatching(restoreId, cursor, before)
    const counted = new TombstoneSet()
    await store.matchedBefore(restoreId, number, (tombstoneId) => counted.add(tombstoneId))
    // Where everybody was counted before a crash, some of them may still be there under another identifier.
    if (started.unreadable + counted.size === 0) return started
    const counts = new MatchedTally(started, counted)
    const state: State = { restore, system, signal, counts, recorded: Promise.resolve() }
    const matched = await this.matching.match({
      system,
      reason: reasonOf(restore),
      signal,
      copyMap: restore.markerMap,
      gathered,
      atOnce: AT_ONCE,
      found: async (ask, last) => this.eraseSome(state, await ask(), last),
    })
    if (matched === null) return counts.tally
    const tally = counts.ended(matched)
    await store.recordPage(restoreId, MATCHED, tally, [])
    return tally
  }

  private async eraseSome(state: State, found: Found, last: boolean): Promise<boolean> {
    if ((found.columns?.size ?? found.people.length) === 0) return false
    const { restore, system, signal } = state
    const { reviews, now } = this.parts
    const { run: number, systemId, markerMap: copyMap } = restore
    // Nobody else is in the store, and each time is a pass of its own: one receipt for all of them.
    const of = { name: reasonOf(restore), number, systemId, copyMap, slot: 0 }
    const erased = await eraseFound(this.parts, system, found, of, signal)
    await listUndated(reviews, restore, erased.sights, erased.modes, now())
    state.recorded = state.recorded.then(() => this.record(state, erased, last))
    await state.recorded
    return erased.failed
  }

  /** @param last whoever failed is not tried once more */
  private async record({ restore, counts }: State, erased: FoundErased, last: boolean): Promise<void> {
    const changed = counts.addChanged(erased.changed)
    const failed = last && erased.failed ? counts.addFailed(replayedIn(erased.erased(), 'failed')) : []
    if (changed.length + failed.length === 0) return
    const { restoreId, cursor } = restore
    await this.parts.store.recordMatched(restoreId, cursor, counts.tally, { changed, failed })
  }
}

interface State {
  readonly restore: Restore
  readonly system: WatchedSystem
  readonly signal: AbortSignal
  readonly counts: MatchedTally
  /** One after the other: the newest counts are recorded last. Where one fails the attempt ends. */
  recorded: Promise<void>
}

const reasonOf = ({ restoreId }: Restore): string => `restore-${restoreId}`
