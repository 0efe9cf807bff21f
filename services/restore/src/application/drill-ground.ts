import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Connector } from '@lethe/eraser-kit'
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
  /** Folder of the stores' tools; undefined: wherever the system finds them. */
  readonly tools: string | undefined
  /** Whose made-up people are, where the data map does not say. */
  readonly tenantId: string
  /** By system and column. */
  readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Everything a drill needs, under names that another process finds again. */
export async function openGround(
  { connectors, request, secret, settings }: GroundParts,
  { drillId, systemId }: Pick<Drill, 'drillId' | 'systemId'>,
): Promise<DrillGround> {
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
  const session = await connector.openDrill({
    ...context,
    drillId,
    folder,
    scratch: secret(`${section.system.connection}_SCRATCH`),
    tools: settings.tools,
    values: settings.values[systemId] ?? {},
  })
  const { tenant } = section
  return {
    kind: connector.kind,
    session,
    tenantId: 'constant' in tenant ? tenant.constant : settings.tenantId,
    versions: { connector: connector.version, dataMap: String(section.version) },
  }
}
