import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connector, DrillSession } from '@lethe/eraser-kit'
import { type RequestPort, Systems } from '@lethe/eraser-kit/hosting'
import { TerminalError } from '@lethe/service-host'
import type { Drill } from '../domain/drill.js'
import type { DrillGround } from './drilling.js'

export interface GroundParts {
  readonly connectors: ReadonlyMap<string, Connector>
  readonly request: Pick<RequestPort, 'section'>
  /** Connections by name: `<connection>_DRILL` backs up and plants, `<connection>_SCRATCH` holds copies. */
  readonly secret: (name: string) => string | undefined
  readonly settings: DrillSettings
}

/** What a person configures of drills. */
export interface DrillSettings {
  /** Where backups lie while a drill runs. */
  readonly folder: string
  /** Folders of the stores' tools, separated by colons, looked through before the system's. */
  readonly tools: string | undefined
  /** Whose made-up people are, where the data map does not say. */
  readonly tenantId: string
  /** By system and column. */
  readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>
}

type Opening = Pick<Drill, 'drillId' | 'systemId'>

/** Everything a drill needs, under names that another process finds again. */
export async function openGround(parts: GroundParts, drill: Opening): Promise<DrillGround> {
  const { connectors, request, settings } = parts
  const connector = connectors.get(drill.systemId)
  const section = await request.section('current', drill.systemId)
  const resolver = resolves(section.system.body) ? null : await resolverOf(parts, drill.systemId)
  const session = await opened(parts, drill)
  const { tenant, version } = section
  return {
    kind: connector?.kind ?? 'unknown',
    session,
    identity: resolver === null ? null : await opened(parts, { ...drill, systemId: resolver }),
    tenantId: 'constant' in tenant ? tenant.constant : settings.tenantId,
    versions: { connector: connector?.version ?? 'unknown', dataMap: String(version) },
  }
}

async function opened(
  { connectors, request, secret, settings }: GroundParts,
  { drillId, systemId }: Opening,
): Promise<DrillSession> {
  const connector = connectors.get(systemId)
  if (connector?.openDrill === undefined)
    throw new TerminalError(
      'drill_unsupported',
      `There are no drills of a ${connector?.kind ?? 'system'} yet.`,
    )
  const section = await request.section('current', systemId)
  const port: RequestPort = {
    section: async () => section,
    clear: () => Promise.reject(new Error('a drill needs no clearance')),
  }
  const ofDrills = (name: string) => secret(`${name}_DRILL`) ?? secret(name)
  const context = new Systems(connector, systemId, port, ofDrills).contextOf(section)
  const folder = join(settings.folder, drillId)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return connector.openDrill({
    ...context,
    drillId,
    folder,
    scratch: secret(`${section.system.connection}_SCRATCH`),
    tools: settings.tools,
    values: settings.values[systemId] ?? {},
  })
}

const resolves = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'resolves' in body && body.resolves !== undefined

/** Where somebody must be known for a request to be planned at all; null where no watched system says. */
async function resolverOf({ connectors, request }: GroundParts, systemId: string): Promise<string | null> {
  for (const [other, { openDrill }] of connectors) {
    if (other === systemId || openDrill === undefined) continue
    if (resolves((await request.section('current', other)).system.body)) return other
  }
  return null
}
