import type { PeopleColumns } from '@lethe/eraser-kit'
import type { Readable } from '../application/applying.js'
import type { LiveTombstone, TombstonePage } from '../application/tombstone-source.js'

/**
 * A page as the adapter gives it out: in columns where it can be, and as objects from when somebody asks for those, which
 * `asked` is told of.
 */
export function inColumns(page: TombstonePage, asked: () => void = () => undefined): TombstonePage {
  const { validUntil, tombstones } = page
  const [first] = tombstones
  const isPlain = (one: LiveTombstone): one is Readable =>
    !one.held && one.subject !== null && one.mapVersion === first?.mapVersion
  if (!tombstones.every(isPlain)) return page
  return {
    validUntil,
    people: {
      size: tombstones.length,
      lastId: tombstones.at(-1)?.tombstoneId ?? '',
      mapVersion: first?.mapVersion ?? 0,
      columns: columnsOf(tombstones),
      tombstoneIds: tombstones.map(({ tombstoneId }) => tombstoneId),
      requestIds: tombstones.map(({ requestId }) => requestId),
      ceilingWaived: new Set(
        tombstones.flatMap(({ ceilingWaived }, place) => (ceilingWaived ? [place] : [])),
      ),
    },
    get tombstones() {
      asked()
      return tombstones
    },
  }
}

function columnsOf(people: readonly Readable[]): PeopleColumns {
  const identifiers = people.flatMap(({ subject }) => subject.identifiers)
  return {
    tenantIds: people.map(({ subject }) => subject.tenantId),
    receivedAt: people.map(({ subject }) => subject.receivedAt),
    counts: people.map(({ subject }) => subject.identifiers.length),
    types: identifiers.map(({ type }) => type),
    values: identifiers.map(({ value }) => value),
  }
}
