import { setTimeout as sleep } from 'node:timers/promises'
import type { Gate } from '@lethe/eraser-kit'
import { LOST, SessionsStayError, TerminalError } from '@lethe/eraser-kit'
import type { Pool } from 'pg'
import type { Preparation } from './hook/switch.js'
import type { PreparedSwitch } from './prepared-gate.js'

/**
 * Who may connect to this database besides the session's own role, as SQL. Everything here speaks of the session's
 * role: the one that logged in, whatever role it acts as when it erases.
 */
const ADMITTED = `
  SELECT coalesce(array_agg(CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END
    ORDER BY grantee), '{}') AS admitted, quote_ident(current_database()) AS database, quote_ident(session_user) AS me
  FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS acl
  WHERE d.datname = current_database() AND acl.privilege_type = 'CONNECT'
    AND acl.grantee <> (SELECT oid FROM pg_roles WHERE rolname = session_user)`

// Of sessions of others a role without pg_read_all_stats sees no type: then it counts. Whoever restores ($1) stays;
// where that is the replay role itself, its sessions that are not Lethe's do. Whom the gate lets in ($2) nobody minds.
const OTHERS = `
  SELECT a.pid, (r.rolsuper AND NOT me.rolsuper) OR a.usename = ANY ($1::text[]) AS stays
  FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid, pg_roles me
  WHERE a.datname = current_database() AND coalesce(a.backend_type, 'client backend') = 'client backend'
    AND me.rolname = session_user AND a.usename <> ALL ($2::text[])
    AND (a.usename <> session_user OR (session_user = ANY ($1::text[]) AND a.application_name NOT LIKE 'lethe %'))`

interface Admitted {
  readonly admitted: string[]
  readonly database: string
  readonly me: string
}

const CALM_LOOKS = 3
const MOST_LOOKS = 100

/**
 * The gate of a database. Where `lethe restore prepare` left one in the server's pg_hba rules, that one: it keeps out
 * superusers too. Else, for a database that is already reachable: CONNECT is taken from everybody else, then their sessions
 * are ended. The role must own the database and be a member of pg_signal_backend, or be a superuser.
 * Superusers can't be kept out by rights; a hooked restore keeps them out by pg_hba. Nothing is written into the
 * database: a tool may still be filling it.
 */
export function gateOf(pool: Pool, prepared: PreparedSwitch): Gate {
  const look = async (): Promise<Admitted> => {
    const { rows } = await pool.query<Admitted>(ADMITTED)
    return rows[0] ?? { admitted: [], database: '', me: '' }
  }
  return {
    // Rights are not what keeps anybody out there, so none need to be given back.
    admitted: async () => ((await prepared.look()) ? [] : (await look()).admitted),
    shut: async () => {
      const found = await prepared.look()
      if (found !== null) {
        // What stands in the file need not be what the server has read.
        await (found.state === 'open' ? prepared.turn(found, 'shut') : prepared.load())
        return { strength: 'enforced', sessionsEnded: await endSessions(pool, found.made ?? undefined) }
      }
      const { admitted, database, me } = await look()
      await pool.query(`GRANT CONNECT ON DATABASE ${database} TO ${me}`)
      if (admitted.length > 0)
        await pool.query(`REVOKE CONNECT ON DATABASE ${database} FROM ${admitted.join(', ')}`)
      // Of whoever may not take a right away the server says so in a warning, and takes nothing.
      if ((await look()).admitted.length > 0) throw notKeptOut()
      return { strength: 'enforced', sessionsEnded: await endSessions(pool) }
    },
    open: async (admitted) => {
      const found = await prepared.look()
      if (found !== null) {
        if (found.state === 'shut') await prepared.turn(found, 'open')
        // Open it is; a server that would not take its settings back is cleaned up by --undo.
        await prepared.forget(found).catch(() => undefined)
      }
      const { database } = await look()
      const { rows } = await pool.query<{ role: string }>(
        `SELECT a.role FROM unnest($1::text[]) AS a (role)
         WHERE a.role = 'PUBLIC' OR EXISTS (SELECT FROM pg_roles WHERE quote_ident(rolname) = a.role)`,
        [admitted],
      )
      if (rows.length > 0)
        await pool.query(
          `GRANT CONNECT ON DATABASE ${database} TO ${rows.map(({ role }) => role).join(', ')}`,
        )
    },
    state: async () =>
      (await prepared.look())?.state ?? ((await look()).admitted.length === 0 ? 'shut' : 'open'),
    prepared: async () => {
      const found = await prepared.look()
      if (found === null) return { restoreId: null, way: 'running', state: 'open' }
      const { restoreId, way } = found.made ?? { restoreId: '', way: 'running' }
      return { restoreId: restoreId || LOST, way, state: found.state }
    },
  }
}

/**
 * Someone who passed authentication just before the rights went shows up a moment later: looked for until it is
 * calm. A superuser's session can't be ended by anyone less, and may be a tool that is still filling the
 * database: it is waited for.
 */
async function endSessions(
  pool: Pool,
  { restoring, admitted }: Pick<Preparation, 'restoring' | 'admitted'> = { restoring: [], admitted: [] },
): Promise<number> {
  const ended = new Set<number>()
  let keptOutAt: number | null = null
  for (let look = 0, calm = 0; calm < CALM_LOOKS; look++) {
    const { rows } = await pool.query<{ pid: number; stays: boolean }>(OTHERS, [restoring, admitted])
    if (look > MOST_LOOKS) throw stillThere(rows.length, keptOutAt ?? Date.now())
    const going = rows.filter(({ stays }) => !stays).map(({ pid }) => pid)
    if (going.length > 0)
      await pool.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [going])
    for (const pid of going) ended.add(pid)
    keptOutAt = going.length > 0 ? null : (keptOutAt ?? Date.now())
    calm = rows.length === 0 ? calm + 1 : 0
    await sleep(20)
  }
  return ended.size
}

const notKeptOut = () =>
  new TerminalError(
    'gate_not_operable',
    'The replay role could not take CONNECT on this database from everybody. Make it a member of the role that owns the database (GRANT <owner> TO <replay role>); a right that yet another role granted, that role must take back. Until then anybody may be in it.',
  )

const stillThere = (count: number, keptOutAt: number) =>
  new SessionsStayError(
    `${count} sessions of superusers or of whoever restores are in the database, perhaps a restore that is still running: it goes on when they have ended.`,
    keptOutAt,
  )
