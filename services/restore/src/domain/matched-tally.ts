import type { ReplayedKind } from './replayed-kinds.js'
import type { Replayed } from './restore.js'
import { countedMany } from './tally.js'
import { TombstoneSet } from './tombstone-set.js'
import type { Tally } from './waiting.js'

/** Behind every tombstone: they have all been matched. What was done to those who were found is recorded behind this. */
export const MATCHED = '~'

/** Failures of an attempt that was killed, by code. */
export interface Forgotten {
  readonly code: string
  readonly many: number
  /** Of these, who had been changed before. */
  readonly changed: number
}

/** What became of the others when a store was read to its end. */
export interface Ended {
  /** Of whom nothing is left that could be matched. */
  readonly lost: number
  /**
   * Whose hold came since their page was read. Whoever was changed before that counts as held too: there may be more of them.
   * Whoever failed stays so.
   */
  readonly held: Iterable<string>
  /** How many were under a hold when pages were read again, those included who were so at first; null where none was. */
  readonly passedOver: number | null
}

/** As if they had not failed: whoever was changed before counts as replayed again, the others can't be read. */
export function withoutFailures(tally: Tally, forgotten: readonly Forgotten[]): Tally {
  const failed = new Map(Object.entries(tally.failed))
  let { replayed, unreadable } = tally
  for (const { code, many, changed } of forgotten) {
    // Of the same code others may be, who failed with their page.
    const left = (failed.get(code) ?? 0) - many
    if (left > 0) failed.set(code, left)
    else failed.delete(code)
    replayed += changed
    unreadable += many - changed
  }
  return { ...tally, replayed, unreadable, failed: Object.fromEntries(failed) }
}

/**
 * Counts while people are found by one identifier after the other, maybe several times: everybody is counted once, and
 * whoever failed counts as failed, whatever else came of them before or after. They were counted as unreadable when their
 * page came, so what `tombstones` says is the sum of the others before and after each step.
 */
export class MatchedTally {
  private readonly failed = new TombstoneSet()

  /** @param counted whom this run counted as replayed before it was killed */
  constructor(
    private sum: Tally,
    private readonly counted: TombstoneSet,
  ) {}

  get tally(): Tally {
    return this.sum
  }

  /** @returns who was not counted before */
  addChanged(kinds: readonly ReplayedKind[]): ReplayedKind[] {
    const fresh = kinds.map((kind) => this.freshOf(kind)).filter((kind) => kind.tombstoneIds.length > 0)
    const many = fresh.reduce((sum, { tombstoneIds }) => sum + tombstoneIds.length, 0)
    this.sum = {
      ...this.sum,
      replayed: this.sum.replayed + many,
      unreadable: Math.max(0, this.sum.unreadable - many),
    }
    return fresh
  }

  private freshOf(kind: ReplayedKind): ReplayedKind {
    const known = new Set<number>()
    for (const [at, tombstoneId] of kind.tombstoneIds.entries())
      if (!this.counted.add(tombstoneId)) known.add(at)
    if (known.size === 0) return kind
    const isFresh = (_id: string, at: number) => !known.has(at)
    return {
      ...kind,
      tombstoneIds: kind.tombstoneIds.filter(isFresh),
      requestIds: kind.requestIds.filter(isFresh),
    }
  }

  /** Of those whom the store is not read for once more. @returns who had not failed before */
  addFailed(people: readonly Replayed[]): Replayed[] {
    const fresh = people.filter(({ tombstoneId }) => this.failed.add(tombstoneId))
    const unread = fresh.filter(({ tombstoneId }) => this.counted.add(tombstoneId)).length
    const { tombstones, replayed, unreadable } = this.sum
    const fates = fresh.map(({ errorCode }) => [{ is: 'failed', code: errorCode ?? 'none' }, 1] as const)
    this.sum = {
      ...countedMany(this.sum, fates),
      tombstones,
      replayed: Math.max(0, replayed - (fresh.length - unread)),
      unreadable: Math.max(0, unreadable - unread),
    }
    return fresh
  }

  /** When the store was read to its end: who was not found is absent. */
  ended({ lost, held, passedOver }: Ended): Tally {
    let [kept, changed] = [0, 0]
    for (const tombstoneId of held) {
      if (this.failed.has(tombstoneId)) continue
      kept++
      if (this.counted.has(tombstoneId)) changed++
    }
    const { replayed, unreadable, alreadyAbsent } = this.sum
    const absent = Math.max(0, unreadable - lost - (kept - changed))
    // Whose hold came while nobody ran is known by their number alone. Of one who was not looked for nobody may say more.
    const late = Math.max(0, (passedOver ?? 0) - this.sum.held)
    const [fromAbsent, fromReplayed] = [
      Math.min(late, absent),
      Math.min(Math.max(0, late - absent), replayed - changed),
    ]
    this.sum = {
      ...this.sum,
      replayed: replayed - changed - fromReplayed,
      unreadable: lost,
      held: this.sum.held + kept + fromAbsent + fromReplayed,
      alreadyAbsent: alreadyAbsent + absent - fromAbsent,
    }
    return this.sum
  }
}
