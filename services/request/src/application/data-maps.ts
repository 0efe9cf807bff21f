import {
  compilePlan,
  type DataMap,
  identifiersNeeded,
  type MapKinds,
  type MapSystem,
  type Plan,
  PlanError,
  parseDataMap,
} from '@lethe/data-map'
import { type ProblemError, problem, TerminalError } from '@lethe/service-host'
import type { Identifier } from '../domain/identifier.js'
import { neededBy } from '../domain/person.js'

/** Every data map that ever was in force, by version; a version never changes its content. */
export interface DataMapStore {
  /** Stores it unless its version exists; returns the digest that is stored. */
  keep(version: number, digest: string, text: string): Promise<string>
  read(version: number): Promise<string | null>
}

/** One system of one version of the map, as its eraser and probe need it. */
export interface MapSection {
  readonly version: number
  readonly digest: string
  readonly tenant: DataMap['tenant']
  readonly canonical: DataMap['identifiers']['canonical']
  readonly system: MapSystem
}

/** The map in force, and the older ones that plans still refer to. */
export class DataMaps {
  private readonly older = new Map<number, DataMap | null>()
  private readonly needed: Readonly<Record<string, readonly string[]>>
  private readonly plans = new Map<string, Plan>()

  private constructor(
    readonly current: DataMap,
    private readonly kinds: MapKinds,
    private readonly store: DataMapStore,
    /** Null when nobody listed them: then every tenant is taken. */
    private readonly tenants: ReadonlySet<string> | null,
  ) {
    this.needed = identifiersNeeded(current, kinds)
  }

  /**
   * @throws TerminalError `map_invalid` naming every problem and its line, `map_mismatch` when this version
   * was already in force with other content: a frozen plan must find what it was frozen from.
   */
  static async open(
    text: string,
    kinds: MapKinds,
    store: DataMapStore,
    tenants: ReadonlySet<string> | null = null,
  ): Promise<DataMaps> {
    const parsed = parseDataMap(text, kinds)
    if (!parsed.ok) {
      const lines = parsed.problems.map((p) => `line ${p.line}, ${p.path || 'document'}: ${p.message}`)
      throw new TerminalError('map_invalid', `The data map can't be used:\n${lines.join('\n')}`)
    }
    const { version, digest } = parsed.map
    const stored = await store.keep(version, digest, text)
    if (stored !== digest) {
      throw new TerminalError(
        'map_mismatch',
        `Version ${version} of the data map is already stored with other content. Raise its version.`,
      )
    }
    return new DataMaps(parsed.map, kinds, store, tenants)
  }

  /** Why a tenant can't be planned for, or its plan as of the map in force. */
  plan(tenantId: string): Plan | 'unknown_tenant' {
    const known = this.plans.get(tenantId)
    if (known !== undefined) return known
    try {
      const plan = compilePlan(this.current, this.kinds, tenantId)
      // Plans differ by tenant only in being refused; the bound is against a caller inventing tenants.
      if (this.plans.size < 1_000) this.plans.set(tenantId, plan)
      return plan
    } catch (error) {
      if (error instanceof PlanError && error.code === 'unknown_tenant') return 'unknown_tenant'
      throw error
    }
  }

  /**
   * A tenant nobody heard of is a slip of the pen: its request would find nobody and look well done.
   * @returns `unknown_tenant`, or null
   */
  unknownTenant(tenantId: string): ProblemError | null {
    const { tenant } = this.current
    if ('constant' in tenant && tenant.constant !== tenantId)
      return problem('unknown_tenant', 'The data map holds another tenant. Check tenantId.')
    if (this.tenants === null || this.tenants.has(tenantId) || !('column' in tenant)) return null
    const detail =
      'tenantId names no tenant known here. Check its spelling, or have it listed in LETHE_TENANTS.'
    return problem('unknown_tenant', detail)
  }

  /** Systems that turn known identifiers into others. */
  resolvers(): string[] {
    return Object.values(this.current.systems)
      .filter((system) => system.resolves !== undefined && system.notApplicable === undefined)
      .map((system) => system.systemId)
  }

  /** Systems that can hold something of a person. */
  applicable(): string[] {
    return Object.values(this.current.systems)
      .filter((system) => system.notApplicable === undefined)
      .map((system) => system.systemId)
  }

  /** Systems that only a person can look into and erase from. */
  byHand(): string[] {
    return this.applicable().filter((systemId) => {
      const system = this.current.systems[systemId]
      return system !== undefined && this.kinds[system.kind]?.byHand !== undefined
    })
  }

  /**
   * Events count identifiers by type, so a vendor's name nobody mapped would carry a caller's text there.
   * @returns `invalid_identifier` for the first of an unknown vendor
   */
  unknownVendor(identifiers: readonly Identifier[]): ProblemError | null {
    const { canonical, alias } = this.current.identifiers
    const known: readonly string[] = [canonical, ...alias]
    const at = identifiers.findIndex(({ type }) => type.startsWith('vendor:') && !known.includes(type))
    if (at < 0) return null
    const vendors = known.filter((type) => type.startsWith('vendor:')).join(', ') || 'no vendor'
    const detail = `identifiers[${at}] is of a vendor the data map does not know: it knows ${vendors}.`
    return problem('invalid_identifier', detail)
  }

  /** Of these identifiers, those one system needs. */
  neededBy(systemId: string, identifiers: readonly Identifier[]): Identifier[] {
    return neededBy(identifiers, this.needed[systemId] ?? [])
  }

  /** null when the version was never in force or has no such system. */
  async section(version: number, systemId: string): Promise<MapSection | null> {
    const map = await this.at(version)
    const system = map?.systems[systemId]
    if (map === null || system === undefined) return null
    return { version, digest: map.digest, tenant: map.tenant, canonical: map.identifiers.canonical, system }
  }

  /** The text of the map in force, as it was written. */
  currentText(): Promise<string | null> {
    return this.store.read(this.current.version)
  }

  private async at(version: number): Promise<DataMap | null> {
    if (version === this.current.version) return this.current
    const known = this.older.get(version)
    if (known !== undefined) return known
    const text = await this.store.read(version)
    if (text === null) return null
    const parsed = parseDataMap(text, this.kinds)
    const map = parsed.ok ? parsed.map : null
    this.older.set(version, map)
    return map
  }
}
