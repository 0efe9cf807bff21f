import type { wire } from '@lethe/schemas'
import type { ZodType } from 'zod'
import type { DrillContext, DrillSession } from './drilling.js'
import type { RestoreSession } from './restoring.js'

export type IdentifierType = 'user_id' | 'email' | 'phone' | `vendor:${string}`
/** `value` is normalised per type (e-mail lower-cased, phone in E.164). */
export interface Identifier {
  readonly type: IdentifierType
  readonly value: string
}

/** One person as one system needs to know them. Never logged, never serialised into an error. */
export interface Subject {
  readonly subjectRef: string
  readonly tenantId: string
  readonly identifiers: readonly Identifier[]
  /** Epoch milliseconds: records created later belong to someone who came back. */
  readonly receivedAt: number
}

export type CollectionCounts = wire.CollectionCounts
/** Per collection (table, key family, index). */
export type Counts = Readonly<Record<string, CollectionCounts>>

/**
 * People in columns: one entry for each of them, and the identifiers of all one after the other. Thousands of people who
 * are looked for at once, of whom nearly everybody is absent, cost more as objects than the look. Never logged.
 */
export interface PeopleColumns {
  readonly tenantIds: readonly string[]
  /** Epoch milliseconds. */
  readonly receivedAt: readonly number[]
  /** How many identifiers each has. */
  readonly counts: readonly number[]
  /** As many as all `counts` together, as `values`. */
  readonly types: readonly IdentifierType[]
  readonly values: readonly string[]
}

/** One pass that has clearance: whom, for which request, under which grant. */
export interface Pass {
  readonly requestId: string
  readonly systemId: string
  readonly stepId: string
  readonly passId: string
  readonly attempt: number
  readonly subject: Subject
  readonly grant: Grant
  /** A second approver allowed this pass to touch more than the ceiling. */
  readonly ceilingWaived: boolean
  /**
   * What becomes of undated records: those that only an identifier leads to which people take along (e-mail, phone), and
   * no creation column says whether they are of before the request. Absent: they are erased where the map names no such
   * column. `leave`: they may be somebody's who came back, and stay. `take`: a person decided, they are erased.
   */
  readonly undated?: 'leave' | 'take'
}

/** Passes of one restore's replay, in columns: one entry for each person, in one order. */
export interface ReplayPasses extends Pick<Pass, 'passId' | 'grant'> {
  readonly requestIds: readonly string[]
  readonly people: PeopleColumns
  /** Places of those of whom `ceilingWaived` is true. */
  readonly ceilingWaived: ReadonlySet<number>
  /** Places of those of whom `undated` is `take`; of the others it is `leave`. Null: it is absent of everybody. */
  readonly taken: ReadonlySet<number> | null
}

export interface Grant {
  readonly grantId: string
  /** Epoch milliseconds. Nothing may commit after it; expiry never stops an acknowledgement. */
  readonly expiresAt: number
}

/** What happened to one subject in one pass. Counts are of what was really changed. */
export interface Outcome {
  readonly outcome: wire.Outcome
  readonly counts: Counts
  /** LSN, offset or version of the store after the change. */
  readonly position?: string
  readonly errorCode?: string
  readonly errorClass?: wire.ErrorClass
  readonly nextRetryAt?: number
  readonly vendorRef?: string
  readonly vendorExpectedAt?: number
  readonly retained?: readonly wire.RetainedPart[]
  readonly expiring?: wire.Expiring
}

/** The acknowledgement's twin inside the store; `body` is the acknowledgement, sealed, without identifiers. */
export interface Receipt {
  readonly requestId: string
  readonly passId: string
  readonly body: string
}
export interface ReceiptKey {
  readonly requestId: string
  readonly passId: string
}

/** What tells one copy of a store from an older one. Only the restore service replaces the value. */
export interface Marker {
  /** The random value found in the store, or null when there is none. */
  readonly found: string | null
  /** Batches of receipts this copy has taken; it only rises. */
  readonly receipts: number
}

export interface EraseIo {
  readonly signal: AbortSignal
  /** Current time of the host in epoch milliseconds; injected so that expiry can be tested. */
  now(): number
  /** Builds the sealed receipt of an outcome; write it in the same transaction as the change. */
  receipt(pass: Pass, outcome: Outcome): Receipt
}

export interface Description {
  /** Version of the server or API. */
  readonly version: string
  /** What exists there: collections with their fields. */
  readonly collections: readonly { readonly name: string; readonly fields: readonly string[] }[]
  /** What `map check` has to say: code, where, and what to do. No identifiers. */
  readonly findings: readonly Finding[]
  readonly grants?: Grants
}
/** The least that each of the two roles needs, as statements of the store for roles `eraser` and `probe`. */
export interface Grants {
  readonly erase: readonly string[]
  readonly probe: readonly string[]
}
export interface Finding {
  readonly level: 'error' | 'warning'
  readonly code: string
  readonly where: string
  readonly message: string
  /** Where in the system's section of the data map, if it is something written there. */
  readonly path?: readonly (string | number)[]
}

/** Erasing or looking: two deployments with two credentials. */
export type Role = 'erase' | 'probe'

/** An open connection to one system. */
export interface Session {
  /** Every identifier of each subject that this system knows; read-only. One list per *person found*. */
  resolve?(known: readonly Subject[]): Promise<Identifier[][][]>
  preview(subjects: readonly Subject[]): Promise<Counts[]>
  /** One outcome per pass, in order. A bad subject never throws for the others; a throw means nothing is known of the batch. */
  erase(batch: readonly Pass[], io: EraseIo): Promise<Outcome[]>
  /**
   * As `erase`, for passes of one restore's replay: set-wise, with one receipt for all of them.
   * Who stands in a receipt gets the outcome of then. Null when somebody stands in the way of that: nothing was
   * changed, and `erase` finds out who.
   *
   * @param slot which receipt of this pass id is replaced, below 16. Whoever calls has recorded what was told before
   *   under the same slot; calls with different slots may run at once.
   */
  replay?(passes: ReplayPasses, io: EraseIo, slot: number): Promise<Outcome[] | null>
  /**
   * Every distinct identifier that mapped collections hold, in batches of bounded size; read-only, and nobody's but for
   * matching them with digests. Null where people are found otherwise as well (in texts of others): then nobody can be
   * called absent by their digests alone.
   */
  identifiers?(signal: AbortSignal): Promise<AsyncIterable<HeldIdentifiers> | null>
  readonly receipts?: {
    read(keys: readonly ReceiptKey[]): Promise<Receipt[]>
    marker(): Promise<Marker>
    /** Deletes receipts older than `before`; returns how many. */
    prune(before: Date): Promise<number>
  }
  /** Live shape and findings, seen with the credentials of `role` (default `erase`). Changes nothing. */
  describe(role?: Role): Promise<Description>
  close(): Promise<void>
}

/** As the store holds them, not normalised. */
export interface HeldIdentifiers {
  readonly type: IdentifierType
  /**
   * One record behind the other: the value, and the tenant of its row. Each as its length in bytes, a signed big-endian
   * integer of 32 bits, and as many bytes of UTF-8; a tenant of length -1 where the store does not say whose row it is.
   * Millions of them cost more as objects than all that is done with them. The memory is the reader's, who may give it to
   * another thread.
   */
  readonly records: Uint8Array
}

export interface ProbeFinding {
  readonly result: wire.ProbeResult
  /** Matches per collection looked at, zero included. */
  readonly residual: Readonly<Record<string, number>>
  /** Of `residual`, the undated records (see `Pass`), where there are any. */
  readonly undated?: Readonly<Record<string, number>>
  readonly position?: string
  readonly reasonCode?: string
}

/** Own read-only credentials, own query builder: shares no code path with `Session.erase`. */
export interface ProbeSession {
  probe(subjects: readonly Subject[]): Promise<ProbeFinding[]>
  /**
   * Places of those who are not certainly absent, in rising order: something is found of them, or it can't be said. Whoever
   * is left out, and nobody else, would be `clean` without `undated` by a `probe` of the same people; where nothing can be
   * said of anybody, that is nobody, and `probe` says why. Read-only. Throws as `probe`, and where the columns disagree
   * about how many identifiers there are.
   */
  sift?(people: PeopleColumns): Promise<readonly number[]>
  close(): Promise<void>
}

export type Stage =
  | 'cache'
  | 'search'
  | 'files'
  | 'documents'
  | 'analytics'
  | 'payments'
  | 'support'
  | 'marketing'
  | 'record'

export interface Capabilities {
  readonly receipts: 'transactional' | 'last-step' | 'none'
  readonly batch: { readonly max: number; readonly perSecond?: number; readonly concurrency?: number }
  /** Passes or subjects one call takes where everybody of a store is gone through; default as `batch.max`. */
  readonly bulk?: { readonly max: number }
  readonly completesLater?: boolean
  /** Passes' `undated` is obeyed and probes tell `undated`. Without it the host withholds such identifiers instead. */
  readonly undated?: boolean
}

/** What `open` is given: where the system is, and what the data map says of it. */
export interface OpenContext<Options, System> {
  readonly systemId: string
  readonly options: Options
  /** The system's section of the data map, parsed by `system`. */
  readonly system: System
  /** `tenant:` of the data map. */
  readonly tenant: TenantRule
  /** The canonical identifier type, usually `user_id`. */
  readonly canonical: IdentifierType
  /** Records one pass may touch before a second approver is asked; null or absent is no limit. */
  readonly ceiling?: number | null
  /**
   * Of the identifier types this system resolves: characters that other sections of the map say no identifier
   * ever holds. What is there and holds one is an error of `map check`.
   */
  readonly neverHeld?: Readonly<Record<string, string>>
  /** A probe looks only where the section says: what else may hold somebody is for the map in force to say. */
  readonly mappedOnly?: boolean
}

export type TenantRule = { readonly column: string } | { readonly constant: string } | { readonly none: true }

export interface Connector<Options = unknown, System = unknown> {
  readonly kind: string
  readonly version: string
  readonly stage: Stage
  /** Connection options: URL and secrets, from the environment of the deployment. */
  readonly options: ZodType<Options>
  /** Grammar of the kind's own part of a data-map system section. */
  readonly system: ZodType<System>
  /** Identifier types this section needs to find a person. */
  identifiers(system: System, canonical: IdentifierType): readonly IdentifierType[]
  readonly capabilities: Capabilities
  open(context: OpenContext<Options, System>): Promise<Session>
  openProbe(context: OpenContext<Options, System>): Promise<ProbeSession>
  /**
   * Opens the store with its replay role: marker, gate and erasing for the restore service. Without it the
   * system's restores are found by sweeps only, and its gate is one that nobody enforces.
   */
  openRestore?(context: OpenContext<Options, System>): Promise<RestoreSession>
  /** Backs up and restores for a restore drill. Without it there are no drills of this kind. */
  openDrill?(context: DrillContext<Options, System>): Promise<DrillSession>
  /**
   * What of a section this copy of the store has: of an older version of the map tables, columns or indices may be gone
   * since. Null where nothing of it is left. Read-only; without it a section is taken whole.
   *
   * @param inForce what the map in force says, which counts where both write the same
   */
  present?(context: OpenContext<Options, System>, inForce: System): Promise<System | null>
  /**
   * What `map check` has to say of a map that may not fit at all, everything at once, with the credentials
   * of `role`. Read-only. Without it, opening stops at the first thing that does not fit.
   */
  check?(context: OpenContext<Options, System>, role: Role): Promise<Description>
}

/** Declares a connector; the one call a new system needs. */
export function defineConnector<Options, System>(
  connector: Connector<Options, System>,
): Connector<Options, System> {
  return connector
}
