import { randomUUID } from 'node:crypto'
import { columnsOf, type Outcome } from '@lethe/eraser-kit'
import type { ReviewStore } from '../adapters/review-store.js'
import type { Fate } from '../domain/tally.js'
import { type Applying, fateOf, type Readable, type Run } from './applying.js'
import type { Found } from './digest-matching.js'
import { sift } from './sift.js'
import { sightUnderMaps } from './sight-under-maps.js'
import type { PagePeople } from './tombstone-source.js'
import { modesOf, type Sighted, type UndatedModes } from './undated.js'
import type { WatchedSystem } from './watched-system.js'

export interface ErasingParts {
  readonly reviews: ReviewStore
  readonly applying: Applying
}

/** What came of one of those who were found by their digests. */
export interface Erased {
  readonly tombstone: Readable
  readonly outcome: Outcome
  readonly fate: Fate
}

/** Null where they are of several versions of the data map. */
function peopleIn(people: readonly Readable[]): PagePeople | null {
  const mapVersion = people[0]?.mapVersion
  if (mapVersion === undefined || people.some((one) => one.mapVersion !== mapVersion)) return null
  const subjects = people.map(({ subject }) => subject)
  const lastId = people.at(-1)?.tombstoneId ?? ''
  return { size: people.length, lastId, mapVersion, columns: columnsOf(subjects) }
}

/** Erases people who were found by their digests, and looks for them again by what was found of them. */
export async function eraseFound(
  { reviews, applying }: ErasingParts,
  system: WatchedSystem,
  { people, validUntil }: Found,
  of: Run,
  signal: AbortSignal,
): Promise<{
  readonly erased: readonly Erased[]
  /** Of those who are not certainly absent now. */
  readonly sights: readonly Sighted[]
  readonly modes: UndatedModes
  /** Somebody could not be erased. */
  readonly failed: boolean
}> {
  // Anew each time: a person may be found by one identifier after the other, which are passes of their own.
  const run = { ...of, name: `${of.name}.digest-${randomUUID()}` }
  const modes = await modesOf(reviews, system.systemId, people)
  const told = await applying.eraseAll(run, system, people, validUntil, signal, modes)
  // Looked for with the probe's own queries. Who can't be looked for counts as there.
  const page = { validUntil, tombstones: people, people: peopleIn(people) }
  const { tombstones } = await sift(system, page, reviews, signal, of.copyMap)
  const sights = await sightUnderMaps(system, tombstones as readonly Readable[], modes, signal, of.copyMap)
  const still = new Set(
    sights.flatMap(({ tombstone, finding }) => (finding.result === 'clean' ? [] : [tombstone.tombstoneId])),
  )
  const erased = told.map(({ tombstone, outcome }): Erased => {
    const came = fateOf(outcome)
    const isLeft = came.is !== 'failed' && still.has(tombstone.tombstoneId)
    return { tombstone, outcome, fate: isLeft ? { is: 'failed', code: 'still_there' } : came }
  })
  return { erased, sights, modes, failed: erased.some(({ fate }) => fate.is === 'failed') }
}
