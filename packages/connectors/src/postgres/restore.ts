import type { RestoreSession } from '@lethe/eraser-kit'
import pg from 'pg'
import { openPool, type PostgresContext } from './database.js'
import { crossing } from './errors.js'
import { gateOf } from './gate.js'
import { PreparedSwitch } from './prepared-gate.js'
import { ensureInstalled, installed, readMarker, replaceMarker } from './receipts.js'

/** The server's own database, which is there whatever is restored. */
function serverUrl(url: string): string {
  const server = new URL(url)
  server.pathname = '/postgres'
  return server.href
}

/** Acting as the eraser is for rows; who may connect, files and settings are decided by whoever logged in. */
async function asLoggedIn(client: pg.ClientBase): Promise<void> {
  await client.query('SET ROLE NONE')
}

/** Marker and gate, with the replay role. Opens whatever the tables look like: a copy that fits no map is shut as well. */
export async function openRestore(context: PostgresContext): Promise<RestoreSession> {
  const application = `lethe restore ${context.systemId}`
  const pool = openPool({ ...context.options, connections: 1 }, application)
  const gatePool = openPool({ ...context.options, connections: 1 }, application, asLoggedIn)
  const server = serverUrl(context.options.url)
  const serverPool = openPool({ ...context.options, url: server, connections: 1 }, application, asLoggedIn)
  const fresh = async () => {
    const client = new pg.Client({ connectionString: server, application_name: application })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const guarded = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw crossing(error, doing)
    }
  }
  const gate = gateOf(gatePool, new PreparedSwitch(context.systemId, gatePool, serverPool, fresh))
  return {
    identity: () =>
      guarded('ask for its identity', async () => {
        const { rows } = await pool.query<{ identity: string }>(
          // A dump that is put back makes the database or the marker's table anew; both keep their oids in a base backup.
          `SELECT s.system_identifier || '/' || c.timeline_id
             || '#' || coalesce((SELECT oid FROM pg_database WHERE datname = current_database()) || '/' || to_regclass('lethe.marker')::oid, '')
             || '#' || extract(epoch FROM pg_postmaster_start_time()) AS identity
           FROM pg_control_system() s, pg_control_checkpoint() c`,
        )
        return rows[0]?.identity ?? null
      }),
    marker: {
      // A copy without Lethe's schema is one from before Lethe, or one that is being filled: neither has a marker.
      read: () =>
        guarded('read the marker', async () =>
          (await installed(pool)) ? readMarker(pool) : { found: null, receipts: 0 },
        ),
      replace: (expected, next) =>
        guarded(
          'replace the marker',
          async () => (await installed(pool)) && replaceMarker(pool, expected, next),
        ),
    },
    gate: {
      shut: () => guarded('shut the gate', () => gate.shut()),
      admitted: () => guarded('see who gets in', () => gate.admitted()),
      open: (admitted) => guarded('open the gate', () => gate.open(admitted)),
      state: () => guarded('look at the gate', () => gate.state()),
      prepared: () =>
        guarded('look for a gate shut beforehand', async () => (await gate.prepared?.()) ?? null),
    },
    prepare: () => guarded('prepare receipts', () => ensureInstalled(pool)),
    close: async () => {
      await Promise.allSettled([pool.end(), gatePool.end(), serverPool.end()])
    },
  }
}
