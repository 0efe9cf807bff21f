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
}

export interface TombstonePage {
  /** Epoch milliseconds after which nobody of this page may be erased: a hold may have come since. */
  readonly validUntil: number
  readonly tombstones: readonly LiveTombstone[]
}

export interface TombstoneSource {
  /** Ordered by id, after `after`; fewer than `limit` means there are no more. Throws PausedError when there is no answer. */
  page(systemId: string, reason: string, after: string, limit: number): Promise<TombstonePage>
}
