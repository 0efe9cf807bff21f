import type { RestoreStore } from '../adapters/restore-store.js'
import type { Replayed, Restore } from '../domain/restore.js'
import { countedMany } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'
import type { Wanted } from '../domain/wanted.js'
import { replayedOf } from './applying.js'
import { type ErasingParts, eraseFound } from './digest-erasing.js'
import { DigestMatching, type Found } from './digest-matching.js'
import type { TombstoneSource } from './tombstone-source.js'
import { listUndated } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

/** Behind every tombstone: they have all been matched. */
export const MATCHED = '~'

/** While some are erased others are asked for, looked for and recorded; each takes a connection or two of the store. */
const AT_ONCE = 2

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
   * After all pages. Done again after a crash: what was recorded is not counted twice.
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
    if (before.unreadable === 0) return before
    const { store } = this.parts
    // Its cursor is behind the pages by now.
    const restore = (await store.restore(begun.restoreId)) ?? begun
    if (restore.cursor === MATCHED) return before
    const state: State = { restore, system, signal, tally: before, recorded: Promise.resolve() }
    const matched = await this.matching.match({
      system,
      reason: reasonOf(restore),
      signal,
      copyMap: restore.markerMap,
      gathered,
      atOnce: AT_ONCE,
      found: async (ask, last) => this.eraseSome(state, await ask(), last),
    })
    if (matched === null) return state.tally
    const { unreadable, alreadyAbsent, held } = state.tally
    const absent = Math.max(0, unreadable - matched.lost - matched.held.size)
    const tally: Tally = {
      ...state.tally,
      unreadable: matched.lost,
      held: held + matched.held.size,
      alreadyAbsent: alreadyAbsent + absent,
    }
    await store.recordPage(restore.restoreId, MATCHED, tally, [])
    return tally
  }

  private async eraseSome(state: State, found: Found, last: boolean): Promise<boolean> {
    if (found.people.length === 0) return false
    const { restore, system, signal } = state
    const { reviews, now } = this.parts
    const { run: number, systemId, markerMap: copyMap } = restore
    // Nobody else is in the store, and each time is a pass of its own: one receipt for all of them.
    const of = { name: reasonOf(restore), number, systemId, copyMap, slot: 0 }
    const { erased, sights, modes, failed } = await eraseFound(this.parts, system, found, of, signal)
    await listUndated(reviews, restore, sights, modes, now())
    const replayed = erased.flatMap(({ tombstone, outcome, fate }) =>
      fate.is === 'changed' || (fate.is === 'failed' && last) ? [replayedOf(tombstone, outcome, fate)] : [],
    )
    state.recorded = state.recorded.then(() => this.record(state, replayed))
    await state.recorded
    return failed
  }

  /** Counts whoever was not counted before, and takes them from those that can't be read. */
  private async record(state: State, replayed: readonly Replayed[]): Promise<void> {
    const { restoreId, cursor } = state.restore
    state.tally = await this.parts.store.recordEach(restoreId, cursor, replayed, (fates) => {
      const sum = countedMany(state.tally, fates)
      const fresh = fates.reduce((all, [, many]) => all + many, 0)
      // They were counted as tombstones when their page came.
      const { tombstones } = state.tally
      return { ...sum, tombstones, unreadable: Math.max(0, sum.unreadable - fresh) }
    })
  }
}

interface State {
  readonly restore: Restore
  readonly system: WatchedSystem
  readonly signal: AbortSignal
  tally: Tally
  /** One after the other: who is counted once, and the newest counts are the last. */
  recorded: Promise<void>
}

const reasonOf = ({ restoreId }: Restore): string => `restore-${restoreId}`
