import type { ProbeFinding } from '@lethe/eraser-kit'
import { TerminalError } from '@lethe/service-host'
import type { Readable } from './applying.js'
import { type Sighted, sight, type UndatedModes } from './undated.js'
import { underMaps } from './under-maps.js'
import type { WatchedSystem } from './watched-system.js'

/**
 * Looks for people under every version of the data map that they are erased under: a table that the map in force does not
 * know any more may have come back. One sight for each, in their order. Who can't be looked for under one of them is not
 * clean. Throws as `sight`.
 *
 * @param copyMap the map in force when the copy was made; null where nobody knows, or the store is the one in use
 */
export async function sightUnderMaps(
  system: WatchedSystem,
  people: readonly Readable[],
  modes: UndatedModes,
  signal: AbortSignal,
  copyMap: number | null = null,
): Promise<Sighted[]> {
  if (people.length === 0) return []
  const maps = await underMaps(system, people, copyMap)
  const inForce = async (version: number, some: readonly Readable[]) =>
    sight(system, some, modes, signal, await system.probe(version))
  if (maps.length === 1 && maps[0]?.isInForce) return inForce(maps[0].version, people)
  const all = new Map<string, Sighted>()
  const add = (sights: readonly Sighted[]) => {
    for (const one of sights) {
      const { tombstoneId } = one.tombstone
      const before = all.get(tombstoneId)
      all.set(tombstoneId, before === undefined ? one : together(before, one))
    }
  }
  for (const { version, isInForce, people: some } of maps)
    add(
      isInForce ? await inForce(version, some) : await sightUnderOlder(system, version, some, modes, signal),
    )
  return people.flatMap(({ tombstoneId }) => all.get(tombstoneId) ?? [])
}

async function sightUnderOlder(
  system: WatchedSystem,
  version: number,
  people: readonly Readable[],
  modes: UndatedModes,
  signal: AbortSignal,
): Promise<Sighted[]> {
  try {
    const session = await system.olderProbe(version)
    // What could not be erased under it, for want of a foreign key for instance, may not be looked for either.
    if (session === null || (await system.olderSession(version)) === null) return []
    return await sight(system, people, modes, signal, session)
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error
    const finding: ProbeFinding = { result: 'inconclusive', residual: {}, reasonCode: error.code }
    return people.map((tombstone) => ({ tombstone, finding, undated: {} }))
  }
}

const RANK = { clean: 0, inconclusive: 1, residual: 2 } as const

/** One person, looked for in two ways: the same records are counted once. */
export function together(one: Sighted, other: Sighted): Sighted {
  const [worse, better] = RANK[one.finding.result] >= RANK[other.finding.result] ? [one, other] : [other, one]
  const residual = most(worse.finding.residual, better.finding.residual)
  return { ...worse, finding: { ...worse.finding, residual }, undated: most(one.undated, other.undated) }
}

function most(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>>,
): Record<string, number> {
  const all = { ...one }
  for (const [place, matches] of Object.entries(other)) all[place] = Math.max(all[place] ?? 0, matches)
  return all
}
