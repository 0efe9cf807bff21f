import type { Subject } from '@lethe/eraser-kit'

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
  readonly tombstones: readonly LiveTombstone[]
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
