import {
  advise,
  type DataMap,
  locator,
  type MapKinds,
  type MapSystem,
  type Place,
  parseDataMap,
} from '@lethe/data-map'
import { problem } from '@lethe/service-host'
import type { DataMaps, MapSection } from './data-maps.js'

export interface ProbeFinding {
  readonly level: 'error' | 'warning'
  readonly code: string
  readonly where: string
  readonly message: string
  /** Relative to the system's section. */
  readonly path?: readonly (string | number)[] | undefined
}

/** What a probe says of one section of a map. */
export interface SystemCheck {
  readonly version: string | null
  readonly findings: readonly ProbeFinding[]
  /** Least rights per role, as statements of the store. */
  readonly grants: { readonly erase: readonly string[]; readonly probe: readonly string[] } | null
}

export interface MapProbes {
  /** @throws RetryableError `probe_unreachable` */
  describe(systemId: string, section: MapSection): Promise<SystemCheck>
}

export interface PlacedFinding extends Omit<ProbeFinding, 'path'>, Place {}

export interface CheckedSystem {
  readonly kind: string
  /** `unreachable`: nobody looked, so nothing is known. `by_hand`: nobody but a person can look. */
  readonly status: 'checked' | 'unreachable' | 'not_applicable' | 'by_hand'
  readonly storeVersion: string | null
  readonly findings: readonly PlacedFinding[]
  readonly grants: SystemCheck['grants']
}

export interface CheckedMap {
  readonly version: number
  readonly digest: string
  readonly inForce: boolean
  /** No finding is an error. */
  readonly ok: boolean
  /** About the map as a whole. */
  readonly findings: readonly PlacedFinding[]
  readonly systems: Readonly<Record<string, CheckedSystem>>
}

type Locate = (path: readonly (string | number)[]) => Place

/**
 * A data map against the live stores: each system's probe looks with its own read-only credentials, so no
 * process holds credentials for it that it would not hold anyway. Changes and stores nothing.
 */
export class MapChecks {
  constructor(
    private readonly maps: DataMaps,
    private readonly kinds: MapKinds,
    private readonly probes: MapProbes,
  ) {}

  /** Checks the given map, or the one in force. @throws ProblemError `map_invalid` with `problems` by path and line. */
  async check(text?: string): Promise<CheckedMap> {
    const map = text === undefined ? this.maps.current : this.parsed(text)
    const locate = locatorOf(text ?? (await this.maps.currentText()))
    const systems = await Promise.all(
      Object.values(map.systems).map(
        async (system) => [system.systemId, await this.system(map, system, locate)] as const,
      ),
    )
    const findings = this.versionOf(map, locate)
    const all = [...findings, ...systems.flatMap(([, checked]) => checked.findings)]
    return {
      version: map.version,
      digest: map.digest,
      inForce: map.digest === this.maps.current.digest && map.version === this.maps.current.version,
      ok: all.every(({ level }) => level !== 'error'),
      findings,
      systems: Object.fromEntries(systems),
    }
  }

  private parsed(text: string): DataMap {
    const parsed = parseDataMap(text, this.kinds)
    if (parsed.ok) return parsed.map
    const { problems } = parsed
    const first = problems.slice(0, 3).map(({ line, path, message }) => `line ${line}, ${path}: ${message}`)
    throw problem('map_invalid', first.join('\n'), { problems })
  }

  /** A version that was in force once never says anything else. */
  private versionOf(map: DataMap, locate: Locate): PlacedFinding[] {
    const { current } = this.maps
    if (map.digest === current.digest && map.version === current.version) return []
    if (map.version > current.version) return []
    const message = `Version ${current.version} is in force: raise version: to ${current.version + 1}.`
    return [{ level: 'error', code: 'map_mismatch', where: 'version', message, ...locate(['version']) }]
  }

  private async system(map: DataMap, system: MapSystem, locate: Locate): Promise<CheckedSystem> {
    const { systemId, kind } = system
    if (system.notApplicable !== undefined)
      return { kind, status: 'not_applicable', storeVersion: null, findings: [], grants: null }
    const placed = ({ path = [], ...finding }: ProbeFinding): PlacedFinding => ({
      ...finding,
      ...locate(['systems', systemId, ...path]),
    })
    const advice = advise(map).flatMap(({ systemId: of, code, path, message }) =>
      of === systemId ? [placed({ level: 'warning', code, where: systemId, message, path })] : [],
    )
    if (this.kinds[kind]?.byHand !== undefined)
      return { kind, status: 'by_hand', storeVersion: null, findings: advice, grants: null }
    const section = {
      version: map.version,
      digest: map.digest,
      tenant: map.tenant,
      canonical: map.identifiers.canonical,
      system,
    }
    try {
      const { version, findings, grants } = await this.probes.describe(systemId, section)
      const status = 'checked'
      return { kind, status, storeVersion: version, findings: [...findings.map(placed), ...advice], grants }
    } catch {
      const message = `Nobody could look: the probe of ${systemId} does not answer, has no address, or its store is away.`
      const away = placed({ level: 'error', code: 'probe_unreachable', where: systemId, message })
      return { kind, status: 'unreachable', storeVersion: null, findings: [away, ...advice], grants: null }
    }
  }
}

function locatorOf(text: string | null): Locate {
  const locate = text === null ? null : locator(text)
  return locate ?? ((path) => ({ path: path.join('.'), line: 1 }))
}
