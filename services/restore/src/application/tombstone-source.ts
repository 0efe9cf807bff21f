import type { Identifier, PeopleColumns, Subject } from '@lethe/eraser-kit'
import type { LeftColumns } from '../domain/wanted.js'

/** One live tombstone as `request` gives it out. */
export interface LiveTombstone {
  readonly tombstoneId: string
  readonly requestId: string
  readonly mapVersion: number
  readonly held: boolean
  /** A second approver let this person be erased above the ceiling. */
  readonly ceilingWaived?: boolean | undefined
  readonly subject: Subject | null
  readonly code?: string | undefined
  /** Where the identifiers can't be read any more: what the person is still known by. */
  readonly digested?: Digested | undefined
}

export interface Digested extends Omit<Subject, 'identifiers'> {
  /** `<version of the pepper>.<base64url>` */
  readonly digests: readonly string[]
}

/** What digests are made with. Kept in memory for one replay, and never logged. */
export interface Pepper {
  readonly version: string
  readonly secret: string
}

export interface TombstonePage {
  /** Epoch milliseconds after which nobody of this page may be erased: a hold may have come since. */
  readonly validUntil: number
  /** May be made when it is first asked for: whoever needs size and end alone asks `sizeOf` and `lastIdOf`. */
  readonly tombstones: readonly LiveTombstone[]
  /** The same people in columns, in the same order, where nobody is held or unreadable and all are of one map version. */
  readonly people?: PagePeople | null
  /** The same people in columns, where nobody is held and nobody can be read any more. */
  readonly left?: PageLeft | null
}

export interface PagePeople {
  readonly size: number
  /** Of the last tombstone; nobody asks where there is none. */
  readonly lastId: string
  readonly mapVersion: number
  readonly columns: PeopleColumns
  readonly tombstoneIds: readonly string[]
  readonly requestIds: readonly string[]
  /** Places of those whom a second approver let be erased above the ceiling. */
  readonly ceilingWaived: ReadonlySet<number>
}

export interface PageLeft extends LeftColumns {
  readonly size: number
  /** Of the first tombstone and of the last one; nobody asks where there is none. */
  readonly firstId: string
  readonly lastId: string
  /**
   * The same people by what a store was found to hold of them. Null where that is nothing of somebody, or they are of
   * several versions of the data map.
   *
   * @param identifiers by their digests
   */
  known(identifiers: ReadonlyMap<string, Identifier>): PagePeople | null
}

const columnsOf = ({ people, left }: TombstonePage): PagePeople | PageLeft | null => people ?? left ?? null

/** Tombstones of a page. */
export const sizeOf = (page: TombstonePage): number => columnsOf(page)?.size ?? page.tombstones.length

/** Where the next page begins; undefined where the page is empty. */
export function lastIdOf(page: TombstonePage): string | undefined {
  const columns = columnsOf(page)
  if (columns === null) return page.tombstones.at(-1)?.tombstoneId
  return columns.size > 0 ? columns.lastId : undefined
}

export interface TombstoneSource {
  /** Ordered by id, after `after`; fewer than `limit` means there are no more. Throws PausedError when there is no answer. */
  page(systemId: string, reason: string, after: string, limit: number): Promise<TombstonePage>
  /** Of the people of a tenant who have one of these digests, at most 5,000. Throws as `page`. */
  matching(
    systemId: string,
    reason: string,
    known: { readonly tenantId: string; readonly digests: readonly string[] },
  ): Promise<TombstonePage>
  /** Throws as `page`. */
  peppers(systemId: string, reason: string): Promise<readonly Pepper[]>
}
