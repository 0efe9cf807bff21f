import { PgEventStore, type Position } from '@lethe/event-store'
import type { Pool } from 'pg'
import type { ChangeSource } from '../application/changes.js'

/** The log and the read model of requests, as the feed of changes reads them. */
export function pgChanges(pool: Pool): ChangeSource {
  const store = new PgEventStore(pool)
  return {
    readAll: (options) => store.readAll(options),
    end: (): Promise<Position> => store.end(),
    tenantsOf: async (requestIds) => {
      const { rows } = await pool.query<{ request_id: string; tenant_id: string }>(
        'SELECT request_id, tenant_id FROM read_model.requests WHERE request_id = ANY ($1)',
        [requestIds],
      )
      return new Map(rows.map((row) => [row.request_id, row.tenant_id]))
    },
  }
}
