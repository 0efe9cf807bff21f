import type { PeopleColumns } from '@lethe/eraser-kit'
import { PausedError } from '@lethe/service-host'
import type { ReviewStore } from '../adapters/review-store.js'
import type { LiveTombstone, TombstonePage } from './tombstone-source.js'
import { onlyInForce } from './under-maps.js'
import type { WatchedSystem } from './watched-system.js'

export interface Sifted {
  /** Those of the page who have to be looked at one by one; nobody else was made an object of. */
  readonly tombstones: readonly LiveTombstone[]
  /** How many more the page has: each would be `clean`, with nothing undated, of the probe. */
  readonly absent: number
}

/**
 * Tells those of a page who are certainly absent from the others by one look at all of them in columns, `system.bulkMax` at
 * a time. Everybody is left to be looked at where the page has no columns or the store's kind no such look, and where more
 * than one look decides: under another map, for what is undated, or because a person was asked about somebody of this
 * store, whose answer is noted by who is absent as well. Throws as `sight`.
 *
 * @param copyMap as of `sightUnderMaps`
 */
export async function sift(
  system: WatchedSystem,
  page: TombstonePage,
  reviews: Pick<ReviewStore, 'any'>,
  signal: AbortSignal,
  copyMap: number | null = null,
): Promise<Sifted> {
  const { people } = page
  if (people?.size === 0) return { tombstones: [], absent: 0 }
  if (!people || !system.tellsUndated) return everybody(page)
  if (await reviews.any(system.systemId)) return everybody(page)
  const inForce = await onlyInForce(system, people.mapVersion, copyMap)
  if (inForce === null) return everybody(page)
  const session = await system.probe(inForce)
  if (session.sift === undefined) return everybody(page)
  const places: number[] = []
  for (const { from, columns } of partsOf(people.columns, system.bulkMax)) {
    signal.throwIfAborted()
    const some = await session.sift(columns)
    assertPlaces(some, columns.counts.length)
    for (const place of some) places.push(from + place)
  }
  if (places.length === 0) return { tombstones: [], absent: people.size }
  const all = page.tombstones
  return {
    tombstones: places.map((place) => all[place] as LiveTombstone),
    absent: people.size - places.length,
  }
}

const everybody = ({ tombstones }: TombstonePage): Sifted => ({ tombstones, absent: 0 })

/** What is no place, or the same twice, would count somebody as absent who is not. */
function assertPlaces(places: readonly number[], size: number): void {
  let before = -1
  for (const place of places) {
    if (!Number.isInteger(place) || place <= before || place >= size)
      throw new PausedError('probe_incomplete', 'The probe did not answer for everybody.')
    before = place
  }
}

interface Part {
  readonly from: number
  readonly columns: PeopleColumns
}

function* partsOf(columns: PeopleColumns, most: number): Generator<Part> {
  const { tenantIds, receivedAt, counts, types, values } = columns
  if (counts.length <= most) {
    if (counts.length > 0) yield { from: 0, columns }
    return
  }
  for (let from = 0, first = 0; from < counts.length; from += most) {
    const own = counts.slice(from, from + most)
    const end = own.reduce((all, count) => all + count, first)
    yield {
      from,
      columns: {
        tenantIds: tenantIds.slice(from, from + most),
        receivedAt: receivedAt.slice(from, from + most),
        counts: own,
        types: types.slice(first, end),
        values: values.slice(first, end),
      },
    }
    first = end
  }
}
