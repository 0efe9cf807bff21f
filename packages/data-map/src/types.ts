import type { log } from '@lethe/schemas'
import type { ZodType } from 'zod'

export type IdentifierType = 'user_id' | 'email' | 'phone' | `vendor:${string}`

/** Which tenant a record belongs to: a column says so, all of them are one tenant's, or there are none. */
export type TenantRule = { readonly column: string } | { readonly constant: string } | { readonly none: true }

/** Place of a system in the default order of an erasure. */
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

/** What a kind's own check may know of the rest of the map. */
export interface MapContext {
  readonly tenant: TenantRule
  readonly canonical: IdentifierType
  readonly alias: readonly IdentifierType[]
}

/** Something wrong in a kind's own part; `path` is relative to the system's section. */
export interface OwnProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/**
 * What the data map needs to know of a kind of system. Every connector is one structurally.
 * Parsing must be idempotent on plain JSON: an eraser parses again what `request` parsed and sent.
 */
export interface MapKind<System = unknown> {
  readonly kind: string
  readonly stage: Stage
  /** Grammar of the kind's own keys in a system section; refuses keys it does not know. */
  readonly system: ZodType<System>
  identifiers(system: System, canonical: IdentifierType): readonly IdentifierType[]
  /**
   * Characters that no identifier of a type ever holds, as the section says. Systems that resolve the type are
   * asked by `map check` whether it is true.
   */
  neverHeld?(system: System): Readonly<Partial<Record<IdentifierType, string>>>
  /** Only a person can erase from such a system: who, and within what time. Such a kind is no connector's. */
  byHand?(system: System): log.ByHand
  /** What the grammar alone cannot see, such as a tenant placeholder in a map without tenants. */
  check?(system: System, context: MapContext): readonly OwnProblem[]
}

export type MapKinds = Readonly<Record<string, MapKind>>

export interface Backup {
  readonly name: string
  /** How long a backup of this policy can bring a person back, in milliseconds. */
  readonly keepMs: number
}

export interface MapSystem {
  readonly systemId: string
  readonly kind: string
  /** Name of the secret that holds the connection, never the secret. */
  readonly connection: string
  /** Identifier type → `table.column`: this system turns known identifiers into others. */
  readonly resolves?: Readonly<Partial<Record<IdentifierType, string>>>
  /** Of the types this system resolves: characters that other sections say no identifier ever holds. */
  readonly neverHeld?: Readonly<Partial<Record<IdentifierType, string>>>
  /** Records one pass may touch; null when the map sets no limit. */
  readonly ceiling: number | null
  readonly backups: readonly Backup[]
  readonly after: readonly string[]
  readonly derivedFrom: readonly string[]
  /** How long after an erasure copies may still arrive, in milliseconds. */
  readonly settleMs: number
  /** Why this system holds nothing of a person; it gets no steps then. */
  readonly notApplicable?: string
  /** The kind's own part, parsed by its grammar; null where `notApplicable` left it out. */
  readonly body: unknown
}

export interface DataMap {
  readonly version: number
  /** `sha256:` + hex over the canonical JSON of the map: layout, comments and key order do not count. */
  readonly digest: string
  readonly tenant: TenantRule
  readonly identifiers: { readonly canonical: IdentifierType; readonly alias: readonly IdentifierType[] }
  /** By systemId, in the order of their names. */
  readonly systems: Readonly<Record<string, MapSystem>>
}

/** What is wrong, where, and what to do about it. */
export interface Problem {
  /** Dotted path inside the map, e.g. `systems.cache.keys[0]`; empty for the document itself. */
  readonly path: string
  /** 1-based line of the source text. */
  readonly line: number
  readonly message: string
}
