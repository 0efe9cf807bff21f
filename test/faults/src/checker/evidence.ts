import type { Entry } from '../run/history.js'

/** One event of the log, as its table has it. */
export interface LogRow {
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface RequestRow {
  readonly requestId: string
  readonly version: number
  readonly status: string
  readonly attention: { readonly owner: string; readonly nextStep: string } | null
  readonly firstGrantAt: number | null
  readonly liveErasedAt: number | null
  readonly completedAt: number | null
  readonly intakeHolds: number
}

export interface DeadLetter {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly code: string
}

/** A record of `erasure.acknowledged`, by its headers alone. */
export interface Acknowledgement {
  readonly partition: number
  readonly offset: string
  readonly id: string
}

export interface Tombstone {
  readonly tombstoneId: string
  readonly requestId: string
  readonly systemId: string
  readonly expiresAt: number
}

/** Everything the invariants are judged by. Plain data, so that a test can falsify any of it. */
export interface Evidence {
  readonly history: readonly Entry[]
  /** By stream, in the order of versions. */
  readonly log: ReadonlyMap<string, readonly LogRow[]>
  /** Version each stream's head says. */
  readonly heads: ReadonlyMap<string, number>
  readonly snapshots: readonly { stream: string; version: number; state: Readonly<Record<string, unknown>> }[]
  readonly requests: ReadonlyMap<string, RequestRow>
  readonly steps: readonly { requestId: string; stepId: string; systemId: string; status: string }[]
  readonly idempotency: readonly { digest: string; requestId: string }[]
  /** First offset not folded, per partition of `erasure.acknowledged`. */
  readonly folded: ReadonlyMap<number, number>
  /** Ids the aggregator remembers as folded. */
  readonly inbox: ReadonlySet<string>
  readonly acknowledged: readonly Acknowledgement[]
  readonly acknowledgedEnds: ReadonlyMap<number, number>
  readonly deadLetters: readonly DeadLetter[]
  readonly outboxPending: number
  /** What is shown of each tombstone. */
  readonly tombstones: readonly Tombstone[]
  /** Keys on `erasure.tombstones`. */
  readonly publishedTombstones: ReadonlySet<string>
  /** Different messages on `erasure.status`, by the name the events give the person. */
  readonly statusMessages: ReadonlyMap<string, number>
  /** Milliseconds the longest backup of each system is kept. */
  readonly keptMs: Readonly<Record<string, number>>
  /** Logs and topics, and how many addresses of customers stand in each. */
  readonly searched: readonly { place: string; bytes: number; found: number }[]
  /** Per customer who was asked for: what an independent look finds now. */
  readonly left: ReadonlyMap<number, Readonly<Record<string, number>>>
  /** What a complete erasure counts, per system. */
  readonly trueCounts: Readonly<Record<string, { readonly erased: number; readonly redacted: number }>>
  /** Rows of the receipts in the shop's database: when each pass was committed, by the store's clock. */
  readonly receipts: readonly { requestId: string; passId: string; writtenAt: number }[]
}

export interface Verdict {
  readonly invariant: number
  readonly title: string
  /** How many things were looked at; none at all is no verdict. */
  readonly checked: number
  /** What was looked at, with numbers. */
  readonly what: string
  readonly violations: readonly string[]
  /** Why it could not be judged, where it could not. */
  readonly skipped?: string
}

export type Invariant = (evidence: Evidence) => Verdict

export const historyOf = <T extends Entry['type']>(
  { history }: Evidence,
  type: T,
): Extract<Entry, { type: T }>[] =>
  history.filter((entry): entry is Extract<Entry, { type: T }> => entry.type === type)

export const eventsOf = (rows: readonly LogRow[], type: string): LogRow[] =>
  rows.filter((row) => row.type === type)

export const text = (row: LogRow | undefined, field: string): string => String(row?.data[field] ?? '')
export const number = (row: LogRow | undefined, field: string): number =>
  Number(row?.data[field] ?? Number.NaN)

/** The request of each planned number, as far as the run learned it: by answer, or by the message's key. */
export function requestsOfRun(evidence: Evidence): Map<number, Set<string>> {
  const byKey = new Map<string, string[]>()
  for (const [stream, rows] of evidence.log) {
    const key = rows[0]?.data['intakeKey']
    if (typeof key === 'string') byKey.set(key, [...(byKey.get(key) ?? []), stream])
  }
  const found = new Map<number, Set<string>>()
  for (const { n, requestId, intakeKey } of historyOf(evidence, 'accepted')) {
    const ids = requestId ? [requestId] : (byKey.get(intakeKey ?? '') ?? [])
    const known = found.get(n) ?? new Set<string>()
    for (const id of ids) known.add(id)
    found.set(n, known)
  }
  return found
}
