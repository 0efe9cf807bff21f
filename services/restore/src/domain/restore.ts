import type { Reason, Tally } from './waiting.js'

export type Announcer = 'hook' | 'marker' | 'sweep' | 'operator'
export type GateMode = 'hooked' | 'unhooked' | 'advisory'
export type Phase = 'announced' | 'shut' | 'replaying' | 'probing' | 'waiting' | 'opened' | 'superseded'

/** A gate that stood open although Lethe had not opened it: a broken glass, or a server that forgot. Who did it is unknown. */
export interface FoundOpen {
  readonly noticedAt: number
  /** The last look that saw it shut: it opened after this. Null where none is known. */
  readonly shutUntil: number | null
  /** By shutting it again; null while that has not been done. */
  readonly sessionsEnded: number | null
}

/** One restore, as far as it has come. Times are epoch milliseconds. */
export interface Restore extends Tally {
  readonly restoreId: string
  readonly systemId: string
  readonly backupId: string | null
  readonly announcedBy: Announcer
  readonly gateMode: GateMode
  readonly phase: Phase
  readonly announcedAt: number
  readonly shutAt: number | null
  readonly openedAt: number | null
  /** How long the copy may have been used before the gate shut; null where nobody could. */
  readonly windowMs: number | null
  readonly sessionsEnded: number
  /** Oldest first; kept for ever in `audit.restores`. */
  readonly foundOpen: readonly FoundOpen[]
  /** The last look at the gate that saw it shut. */
  readonly seenShutAt: number | null
  readonly markerAt: number | null
  readonly markerForeign: boolean
  /** The data map in force when the copy was marked; null where its marker does not say. */
  readonly markerMap: number | null
  /** Counts the replays of this restore; passes of another run are other passes. */
  readonly run: number
  /** The last tombstone done of the phase under way. */
  readonly cursor: string
  readonly waiting: readonly Reason[]
}

export interface GateRow {
  readonly systemId: string
  readonly state: 'open' | 'shut'
  readonly strength: 'enforced' | 'advisory'
  readonly restoreId: string | null
  /** Who got in before it shut. */
  readonly admitted: readonly string[]
  readonly since: number
}

/** A tombstone whose replay changed something, or failed. */
export interface Replayed {
  readonly tombstoneId: string
  readonly requestId: string
  readonly outcome: string
  readonly counts: object
  readonly errorCode: string | null
}
