import { TerminalError } from '@lethe/service-host'
import type { Readable } from './applying.js'
import type { WatchedSystem } from './watched-system.js'

/** Whom one version of the data map is about. */
export interface UnderMap {
  readonly version: number
  readonly isInForce: boolean
  readonly people: readonly Readable[]
}

/**
 * The versions that may describe where these people are: the one in force and the copy's for everybody, and each
 * tombstone's own. One that says the same as the one in force is that one. Older ones first: what they alone know may
 * refer to what the younger ones know.
 */
export async function underMaps(
  system: WatchedSystem,
  people: readonly Readable[],
  copyMap: number | null = null,
): Promise<UnderMap[]> {
  const current = await system.currentVersion()
  const copys = copyMap ?? current
  const served = new Map<number, number>()
  for (const version of versionsOf(people, copys)) served.set(version, await servedBy(system, version))
  const of = (version: number) => served.get(version) ?? version
  const whole = new Set([current, of(copys)])
  return [...new Set([...whole, ...served.values()])]
    .sort((a, b) => a - b)
    .map((version) => ({
      version,
      isInForce: version === current,
      people: whole.has(version) ? people : people.filter(({ mapVersion }) => of(mapVersion) === version),
    }))
}

function versionsOf(people: readonly Readable[], copys: number): Set<number> {
  const versions = new Set([copys])
  for (const { mapVersion } of people) versions.add(mapVersion)
  return versions
}

/**
 * The map in force, where `underMaps` of people of that version is that one and no other; else null. Whoever goes by it
 * looks and erases under this version: another may be in force a moment later, which knows less.
 */
export async function onlyInForce(
  system: WatchedSystem,
  mapVersion: number,
  copyMap: number | null = null,
): Promise<number | null> {
  const current = await system.currentVersion()
  for (const version of new Set([copyMap ?? current, mapVersion]))
    if ((await servedBy(system, version)) !== current) return null
  return current
}

/** Of `WatchedSystem`; a version that nobody knows any more says so where it is used. */
export const servedBy = (system: WatchedSystem, version: number): Promise<number> =>
  system.servedBy(version).catch((error: unknown) => {
    if (error instanceof TerminalError) return version
    throw error
  })
