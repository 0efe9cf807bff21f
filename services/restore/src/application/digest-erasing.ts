import { randomUUID } from 'node:crypto'
import { columnsOf, type Outcome, type PeopleColumns } from '@lethe/eraser-kit'
import type { ReviewStore } from '../adapters/review-store.js'
import { kindsOf, type ReplayedKind } from '../domain/replayed-kinds.js'
import type { Replayed } from '../domain/restore.js'
import type { Fate } from '../domain/tally.js'
import {
  type Applying,
  cameInColumns,
  fateOf,
  type Readable,
  type Run,
  replayedOf,
  type Told,
  toldOf,
} from './applying.js'
import type { Found } from './digest-matching.js'
import { sift } from './sift.js'
import { sightUnderMaps } from './sight-under-maps.js'
import type { LiveTombstone, PagePeople, TombstonePage } from './tombstone-source.js'
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

/** What came of people who were found by their digests. */
export interface FoundErased {
  readonly changed: readonly ReplayedKind[]
  /** Everybody; made when it is asked for. */
  erased(): readonly Erased[]
  /** Of those who are not certainly absent now. */
  readonly sights: readonly Sighted[]
  readonly modes: UndatedModes
  /** Somebody could not be erased. */
  readonly failed: boolean
}

/** Null where they are of several versions of the data map. */
function peopleIn(people: readonly Readable[]): PagePeople | null {
  const mapVersion = people[0]?.mapVersion
  if (mapVersion === undefined || people.some((one) => one.mapVersion !== mapVersion)) return null
  return new ObjectPeople(people, mapVersion)
}

class ObjectPeople implements PagePeople {
  constructor(
    private readonly people: readonly Readable[],
    readonly mapVersion: number,
  ) {}

  get size(): number {
    return this.people.length
  }

  get lastId(): string {
    return this.people.at(-1)?.tombstoneId ?? ''
  }

  get columns(): PeopleColumns {
    return columnsOf(this.people.map(({ subject }) => subject))
  }

  get tombstoneIds(): readonly string[] {
    return this.people.map(({ tombstoneId }) => tombstoneId)
  }

  get requestIds(): readonly string[] {
    return this.people.map(({ requestId }) => requestId)
  }

  get ceilingWaived(): ReadonlySet<number> {
    return new Set(this.people.flatMap(({ ceilingWaived }, place) => (ceilingWaived ? [place] : [])))
  }
}

/** Erases people who were found by their digests, and looks for them again by what was found of them. */
export async function eraseFound(
  { reviews, applying }: ErasingParts,
  system: WatchedSystem,
  found: Found,
  of: Run,
  signal: AbortSignal,
): Promise<FoundErased> {
  // Anew each time: a person may be found by one identifier after the other, which are passes of their own.
  const run = { ...of, name: `${of.name}.digest-${randomUUID()}` }
  const isDecided = await reviews.any(system.systemId)
  const columns = isDecided ? null : (found.columns ?? null)
  const modes = isDecided ? await modesOf(reviews, system.systemId, found.people) : nobodys
  const { outcomes, told } = await applied(applying, system, { found, columns, run, modes, signal })
  // Looked for with the probe's own queries. Who can't be looked for counts as there.
  const page = new FoundPage(found, columns ?? peopleIn(found.people))
  const { tombstones } = await sift(system, page, reviews, signal, of.copyMap)
  const sights = await sightUnderMaps(system, tombstones as readonly Readable[], modes, signal, of.copyMap)
  const all = () => erasedOf(told(), sights)
  const isGone = sights.every(({ finding }) => finding.result === 'clean')
  const came = columns && outcomes && isGone ? cameInColumns(columns, outcomes) : null
  if (came === null || came.fates.some(([{ is }]) => is === 'failed'))
    return new EachErased(all(), sights, modes)
  return { changed: came.replayed, erased: all, sights, modes, failed: false }
}

interface Applied {
  /** Of everybody in columns, where no object was made of anybody. */
  readonly outcomes: readonly Outcome[] | null
  told(): readonly Told[]
}

async function applied(
  applying: Applying,
  system: WatchedSystem,
  of: {
    readonly found: Found
    readonly columns: PagePeople | null
    readonly run: Run
    readonly modes: UndatedModes
    readonly signal: AbortSignal
  },
): Promise<Applied> {
  const { found, columns, run, modes, signal } = of
  const { validUntil } = found
  const once = columns
    ? await applying.eraseColumns(run, system, columns, validUntil, signal)
    : { otherwise: run }
  if ('outcomes' in once) return { outcomes: once.outcomes, told: () => toldOf(found.people, once.outcomes) }
  const told = await applying.eraseAll(once.otherwise, system, found.people, validUntil, signal, modes)
  return { outcomes: null, told: () => told }
}

const nobodys: UndatedModes = new Map()

class FoundPage implements TombstonePage {
  constructor(
    private readonly found: Found,
    readonly people: PagePeople | null,
  ) {}

  get validUntil(): number {
    return this.found.validUntil
  }

  get tombstones(): readonly LiveTombstone[] {
    return this.found.people
  }
}

class EachErased implements FoundErased {
  readonly changed: readonly ReplayedKind[]
  readonly failed: boolean

  constructor(
    private readonly all: readonly Erased[],
    readonly sights: readonly Sighted[],
    readonly modes: UndatedModes,
  ) {
    this.changed = kindsOf(replayedIn(all, 'changed'))
    this.failed = all.some(({ fate }) => fate.is === 'failed')
  }

  erased(): readonly Erased[] {
    return this.all
  }
}

export const replayedIn = (erased: readonly Erased[], fate: Fate['is']): Replayed[] =>
  erased.flatMap((one) => (one.fate.is === fate ? [replayedOf(one.tombstone, one.outcome, one.fate)] : []))

function erasedOf(told: readonly Told[], sights: readonly Sighted[]): Erased[] {
  const still = new Set(
    sights.flatMap(({ tombstone, finding }) => (finding.result === 'clean' ? [] : [tombstone.tombstoneId])),
  )
  return told.map(({ tombstone, outcome }): Erased => {
    const came = fateOf(outcome)
    const isLeft = came.is !== 'failed' && still.has(tombstone.tombstoneId)
    return { tombstone, outcome, fate: isLeft ? { is: 'failed', code: 'still_there' } : came }
  })
}
