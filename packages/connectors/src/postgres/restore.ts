import type { RestoreSession } from '@lethe/eraser-kit'
import { openPool, type PostgresContext } from './database.js'
import { crossing } from './errors.js'
import { gateOf } from './gate.js'
import { ensureInstalled, readMarker, replaceMarker } from './receipts.js'
import { openSession } from './session.js'

/** The restoring side, with the replay role. Throws like `openSession`. */
export async function openRestore(context: PostgresContext): Promise<RestoreSession> {
  const session = await openSession(context)
  const pool = openPool({ ...context.options, connections: 2 }, `lethe restore ${context.systemId}`)
  const guarded = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw crossing(error, doing)
    }
  }
  const installed = async <T>(doing: string, work: () => Promise<T>): Promise<T> =>
    guarded(doing, async () => {
      await ensureInstalled(pool)
      return work()
    })
  const gate = gateOf(pool)
  return {
    identity: () =>
      guarded('ask for its identity', async () => {
        const { rows } = await pool.query<{ identity: string }>(
          `SELECT s.system_identifier || '/' || c.timeline_id || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS identity
           FROM pg_control_system() s, pg_control_checkpoint() c`,
        )
        return rows[0]?.identity ?? null
      }),
    marker: {
      read: () => installed('read the marker', () => readMarker(pool)),
      replace: (expected, next) => installed('replace the marker', () => replaceMarker(pool, expected, next)),
    },
    gate: {
      shut: () => guarded('shut the gate', () => gate.shut()),
      open: () => guarded('open the gate', () => gate.open()),
      state: () => guarded('look at the gate', () => gate.state()),
    },
    session,
    close: async () => {
      await Promise.allSettled([session.close(), pool.end()])
    },
  }
}
