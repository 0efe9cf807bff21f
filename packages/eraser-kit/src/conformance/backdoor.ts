import type { IdentifierType, TenantRule } from '../connector.js'

/** Where a server listens. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Someone the suite invented. `identifiers` has a value for every type the connector asks for. */
export interface Person {
  readonly tenantId: string
  readonly identifiers: Readonly<Record<string, string>>
  /** Epoch milliseconds, before any erasure request: give it to every creation column. */
  readonly createdAt: number
}

/** Records per collection, under the names the connector uses in its counts. Zero may be left out. */
export type Tally = Readonly<Record<string, number>>

/** Every record of the store: a stable name (table and key) and its content, or a digest of it. */
export type Snapshot = ReadonlyMap<string, string>

export interface Refusal {
  /** Whether the store refuses this person's records only, or every change. */
  readonly scope: 'person' | 'store'
  undo(): Promise<void>
}

/**
 * A way into the store around the connector: its own client, its own queries, all rights. The suite seeds
 * and counts with it, so that a connector can not mark its own homework.
 */
export interface Backdoor<Options = unknown, System = unknown> {
  /** The real server; the suite puts a proxy that cuts and holds connections in front of it. */
  readonly endpoint: Endpoint
  /** The data map's section the suite runs with; map at least two collections. */
  readonly system: System
  readonly tenant: TenantRule
  readonly canonical: IdentifierType
  /** Whether two people of different tenants may carry the same canonical id. */
  readonly tenantsShareIds: boolean
  /** Connection options through `at` with the deployment's credentials; `wrong` ones the server refuses. */
  options(at: Endpoint, credentials: 'erase' | 'probe' | 'wrong'): Options
  /** Empties the store, Lethe's own receipts and marker included. */
  reset(): Promise<void>
  /**
   * Creates records of this person in every mapped collection, more of them with a larger `size` (>= 1), and
   * says what an erasure must report as `found`. Puts back what was erased when called again, as a backup would.
   */
  seed(person: Person, size: number): Promise<Tally>
  /** Records that still lead to this person and ought to be gone after an erasure; retained ones don't count. */
  count(person: Person): Promise<Tally>
  /** The whole store without Lethe's receipts and marker. */
  snapshot(): Promise<Snapshot>
  /**
   * Makes the store refuse to change this person's records, by an error whose text quotes an identifier if
   * the store can do that. Left out: the suite says which checks it skipped.
   */
  refuse?(person: Person): Promise<Refusal>
  /** Everything Lethe itself keeps in the store, as text: no identifier may be in it. */
  letheText?(): Promise<string>
  /** Names of records an erasure may create, e.g. the shared row that `detach` points to. */
  mayCreate?(record: string): boolean
  close(): Promise<void>
}
