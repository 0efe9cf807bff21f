import { setTimeout as sleep } from 'node:timers/promises'
import type { Gate } from '@lethe/eraser-kit'
import { PausedError } from '@lethe/eraser-kit'
import type { ClientBase, Pool } from 'pg'
import { inTransaction } from './owned.js'

/**
 * Kept in the database itself: who could connect before the gate shut. A copy of a shut database brings its own
 * row and its own rights with it, so the two always fit.
 */
const install = `
CREATE SCHEMA IF NOT EXISTS lethe;
CREATE TABLE IF NOT EXISTS lethe.gate (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  -- Roles that had CONNECT, as quoted SQL; PUBLIC is one of them.
  connect text[] NOT NULL,
  shut_at timestamptz NOT NULL DEFAULT clock_timestamp()
)`

/** Who may connect to this database besides this session's role, as SQL. */
const OTHERS = `
  SELECT coalesce(array_agg(CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
    ORDER BY grantee), '{}') AS others
  FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS acl
  WHERE d.datname = current_database() AND acl.privilege_type = 'CONNECT'
    AND acl.grantee <> (SELECT oid FROM pg_roles WHERE rolname = current_user)`

const SESSIONS = `
  SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    AND usename IS DISTINCT FROM current_user`

const CALM_LOOKS = 3
const MOST_LOOKS = 200

/**
 * The gate of a database that is already reachable: CONNECT is taken from everybody else, then their sessions
 * are ended. The role must own the database and be a member of pg_signal_backend, or be a superuser.
 * Superusers can't be kept out by rights; a hooked restore keeps them out by pg_hba.
 */
export function gateOf(pool: Pool): Gate {
  return {
    shut: async () => {
      await pool.query(install)
      await inTransaction(pool, revokeFromOthers)
      return { strength: 'enforced', sessionsEnded: await endSessions(pool) }
    },
    open: () =>
      inTransaction(pool, async (db) => {
        const { rows } = await db.query<{ connect: string[] }>(
          `SELECT connect FROM lethe.gate WHERE to_regclass('lethe.gate') IS NOT NULL FOR UPDATE`,
        )
        const connect = rows[0]?.connect
        if (connect === undefined) return
        if (connect.length > 0)
          await db.query(`GRANT CONNECT ON DATABASE ${await nameOf(db)} TO ${connect.join(', ')}`)
        await db.query('DELETE FROM lethe.gate')
      }),
    state: async () => {
      const { rows } = await pool.query<{ installed: boolean }>(
        `SELECT to_regclass('lethe.gate') IS NOT NULL AS installed`,
      )
      if (rows[0]?.installed !== true) return 'open'
      const shut = await pool.query('SELECT FROM lethe.gate')
      const { rows: left } = await pool.query<{ others: string[] }>(OTHERS)
      return shut.rowCount === 1 && left[0]?.others.length === 0 ? 'shut' : 'open'
    },
  }
}

async function revokeFromOthers(db: ClientBase): Promise<void> {
  const { rows } = await db.query<{ others: string[] }>(OTHERS)
  const others = rows[0]?.others ?? []
  // Shut already: what was saved then is the truth. Somebody let in since joins it.
  await db.query(
    `INSERT INTO lethe.gate (connect) VALUES ($1) ON CONFLICT (single) DO UPDATE
       SET connect = ARRAY(SELECT DISTINCT unnest(lethe.gate.connect || excluded.connect))`,
    [others],
  )
  const database = await nameOf(db)
  const { rows: me } = await db.query<{ me: string }>('SELECT quote_ident(current_user) AS me')
  await db.query(`GRANT CONNECT ON DATABASE ${database} TO ${me[0]?.me}`)
  if (others.length > 0) await db.query(`REVOKE CONNECT ON DATABASE ${database} FROM ${others.join(', ')}`)
}

async function nameOf(db: ClientBase): Promise<string> {
  const { rows } = await db.query<{ name: string }>('SELECT quote_ident(current_database()) AS name')
  return rows[0]?.name ?? ''
}

/** Someone who passed authentication just before the rights went shows up a moment later: looked for until it is calm. */
async function endSessions(pool: Pool): Promise<number> {
  const ended = new Set<number>()
  for (let look = 0, calm = 0; calm < CALM_LOOKS; look++) {
    if (look > MOST_LOOKS)
      throw new PausedError(
        'sessions_stay',
        'Sessions of others can not be ended; the role needs pg_signal_backend.',
      )
    const { rows } = await pool.query<{ pid: number }>(
      `SELECT s.pid FROM (${SESSIONS}) s, pg_terminate_backend(s.pid)`,
    )
    for (const { pid } of rows) ended.add(pid)
    calm = rows.length === 0 ? calm + 1 : 0
    await sleep(20)
  }
  return ended.size
}
