import { kinds } from '@lethe/connectors/kinds'
import { type Caller, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import { type KeptMap, keptMap, keptMaps } from '../adapters/pg-data-maps.js'
import type { CheckedMap, RequestClient } from '../adapters/request-client.js'
import { type Outline, outlineOf } from '../domain/outline.js'
import { may } from '../domain/permissions.js'
import { forbidden } from './actions.js'
import type { Identity } from './identity.js'
import { entryOf, type Journal } from './journal.js'
import { mayLook } from './looks.js'

export interface DataMapView {
  readonly version: number
  readonly digest: string
  /** null: the map can not be read here; `request`, which plans with it, may know more kinds. */
  readonly outline: Outline | null
  readonly unknown: 'map_unreadable' | null
  /** Every version that was ever in force, the latest first. */
  readonly versions: readonly { readonly version: number; readonly digest: string }[]
}

/** The data map as it is in force or was, and what is found when it is held against the stores. */
export class DataMapLooks {
  constructor(
    private readonly pool: Pool,
    private readonly request: Pick<RequestClient, 'checkMap'>,
    private readonly journal: Journal,
  ) {}

  /** @throws ProblemError `not_found` for a version that never was in force */
  async view(caller: Caller, wanted: number | undefined): Promise<DataMapView> {
    mayLook(caller)
    const versions = await keptMaps(this.pool)
    const version = wanted ?? versions[0]?.version
    const kept: KeptMap | null = version === undefined ? null : await keptMap(this.pool, version)
    if (kept === null)
      throw problem('not_found', 'No data map of this version was ever in force. Leave the version out.')
    const outline = outlineOf(kept.body, kinds)
    return {
      version: kept.version,
      digest: kept.digest,
      outline,
      unknown: outline === null ? 'map_unreadable' : null,
      versions,
    }
  }

  /** Asks the probes to hold the map in force against their stores; they only read. Audited. */
  async check(identity: Identity): Promise<CheckedMap> {
    return this.journal.around(entryOf(identity, 'check_map', 'the data map in force'), async () => {
      if (!may(identity.caller, 'check_map')) throw forbidden('check_map')
      return this.request.checkMap(identity.token)
    })
  }
}
