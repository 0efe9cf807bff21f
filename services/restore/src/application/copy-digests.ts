import type { ProbeFinding } from '@lethe/eraser-kit'
import { counted, type Fate, nothing, seen } from '../domain/tally.js'
import type { Tally } from '../domain/waiting.js'
import type { Run } from './applying.js'
import { type ErasingParts, eraseFound } from './digest-erasing.js'
import { DigestMatching, isPutOff, type Matched, type Reading } from './digest-matching.js'
import { sightUnderMaps, together } from './sight-under-maps.js'
import type { LiveTombstone, TombstoneSource } from './tombstone-source.js'
import { modesOf, type Sighted } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

interface Asked {
  readonly system: WatchedSystem
  /** `apply-<id>` */
  readonly name: string
  readonly copyMap: number | null
  readonly signal: AbortSignal
  /** How many were put off. */
  readonly later: number
}

/**
 * People of whom only digests are left, in a copy: behind all pages, in one piece. Idempotent, but for its counts: when it
 * is done again, whoever was erased the first time is absent.
 */
export class CopyDigests {
  private readonly matching: DigestMatching

  constructor(private readonly parts: ErasingParts & { readonly source: TombstoneSource }) {
    this.matching = new DigestMatching(parts.source)
  }

  async erase(asked: Asked): Promise<Tally> {
    const { system, name, copyMap, signal } = asked
    const good = new Map<string, Fate>()
    const failed = new Map<string, Fate>()
    const run: Run = { name, number: 1, systemId: system.systemId, copyMap }
    const matched = await this.match(asked, async (ask, last) => {
      const found = await ask()
      if (found.people.length === 0) return false
      const told = await eraseFound(this.parts, system, found, run, signal)
      for (const { tombstone, fate } of told.erased()) {
        const { tombstoneId } = tombstone
        // Whoever could not be erased is tried again while the store is read once more.
        if (fate.is === 'failed') {
          if (last) failed.set(tombstoneId, fate)
        } else if (good.get(tombstoneId)?.is !== 'changed') good.set(tombstoneId, fate)
      }
      return told.failed
    })
    const fates = [...new Map([...good, ...failed])].flatMap(([id, fate]) =>
      matched?.held.has(id) ? [] : [fate],
    )
    return counted(nothing, [...fates, ...othersOf(asked, matched, fates.length)])
  }

  /** Changes nothing. What else there is to say of each finding is added by `toldBy`. */
  async look(
    asked: Asked,
    toldBy: (sights: readonly Sighted[]) => Promise<readonly ProbeFinding[]>,
  ): Promise<Tally> {
    const { system, signal } = asked
    const sights = new Map<string, Sighted>()
    const matched = await this.match(asked, async (ask) => {
      const { people } = await ask()
      const modes = await modesOf(this.parts.reviews, system.systemId, people)
      for (const one of await sightUnderMaps(system, people, modes, signal, asked.copyMap)) {
        const { tombstoneId } = one.tombstone
        const before = sights.get(tombstoneId)
        sights.set(tombstoneId, before === undefined ? one : together(before, one))
      }
      return false
    })
    const others = counted(nothing, othersOf(asked, matched, sights.size))
    const findings = await toldBy([...sights.values()])
    // Probes tell how many were looked for, and of nobody that they were absent.
    const tally: Tally = { ...others, alreadyAbsent: 0, tombstones: asked.later }
    return seen(tally, findings)
  }

  private match({ system, name, copyMap, signal }: Asked, found: Reading['found']): Promise<Matched | null> {
    const among = async (tombstones: readonly LiveTombstone[]) => tombstones.filter(isPutOff)
    return this.matching.match({ system, reason: name, signal, copyMap, among, found })
  }
}

/** Of those who were put off, whoever was not found: absent only where everybody could have been. */
function othersOf({ later }: Asked, matched: Matched | null, found: number): Fate[] {
  const many = (count: number, is: 'absent' | 'held' | 'unreadable') =>
    Array.from({ length: Math.max(0, count) }, (): Fate => ({ is }))
  if (matched === null) return many(later - found, 'unreadable')
  const { sought, lost, held } = matched
  return [
    ...many(sought - held.size - found, 'absent'),
    ...many(lost, 'unreadable'),
    ...many(held.size, 'held'),
    // Put off and not there any more: somebody has placed a hold since.
    ...many(later - sought - lost, 'held'),
  ]
}
