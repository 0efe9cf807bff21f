import { withClient } from '@lethe/infra'
import type { Chain } from '../harness/chain.js'
import { withRestored } from '../harness/dumps.js'

/** A row of the vault as PostgreSQL holds it; a note's context is its own. */
export interface SealedRow {
  readonly requestId: string
  readonly systemId: string
  readonly epoch: string
  readonly sealed: Buffer
}

/** Everything that is sealed in this database, notes included. */
export function sealedRows(url: string): Promise<SealedRow[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<SealedRow>(
      `SELECT request_id AS "requestId", system_id AS "systemId", epoch, sealed FROM vault.entries
       UNION ALL SELECT request_id, '@note:' || note_id, epoch, sealed FROM vault.notes ORDER BY 1, 2, 3`,
    )
    return rows
  })
}

/** The sealed rows of a dump, read from a database of its own that it was restored into. */
export const sealedInDump = (file: string, chain: Chain): Promise<SealedRow[]> =>
  withRestored(file, chain, chain.letheUrl, sealedRows)
