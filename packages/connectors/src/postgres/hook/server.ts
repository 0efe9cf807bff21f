import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { PrepareError } from './prepare.js'

const RELOAD_LOOKS = 100
/** About ten seconds. */
const SESSION_LOOKS = 500

/** A running server as a superuser sees it: its rules, its files, its sessions. */
export class Server {
  private constructor(
    private readonly client: pg.Client,
    private readonly url: string,
    readonly hbaFile: string,
    readonly user: string,
  ) {}

  /** Connects to the maintenance database: the one that is restored may not be there. @throws PrepareError */
  static async open(url: string): Promise<Server> {
    const maintenance = new URL(url)
    maintenance.pathname = '/postgres'
    const client = await connected(maintenance.href)
    try {
      const { rows } = await client.query<{ super: boolean; hba: string | null; me: string; old: boolean }>(
        `SELECT rolsuper AS super, rolname AS me, current_setting('server_version_num')::int < 130000 AS old,
           (SELECT setting FROM pg_settings WHERE name = 'hba_file') AS hba
         FROM pg_roles WHERE rolname = current_user`,
      )
      const { super: isSuper = false, hba = null, me = '', old = false } = rows[0] ?? {}
      if (old)
        throw new PrepareError('too_old', 'This server is older than PostgreSQL 13, the oldest supported.')
      if (!isSuper || hba === null)
        throw new PrepareError(
          'no_superuser',
          `${me} is no superuser: the gate is a rule in the server’s pg_hba file, which only a superuser can write.`,
        )
      return new Server(client, maintenance.href, hba, me)
    } catch (error) {
      await client.end()
      throw error
    }
  }

  async read(path: string): Promise<Buffer | null> {
    const { rows } = await this.client.query<{ bytes: Buffer | null }>(
      'SELECT pg_read_binary_file($1, 0, 16777216, true) AS bytes',
      [path],
    )
    return rows[0]?.bytes ?? null
  }

  /**
   * Byte for byte, through a large object that is gone with the transaction. Whoever asked may end in between; a server
   * that crashes in that instant leaves a file cut short: SQL has no renaming, and a shell is not always there. The
   * gate's rules stand first, so whatever is left of them lets in nobody more.
   */
  async write(path: string, bytes: Buffer): Promise<void> {
    await this.client.query('BEGIN')
    try {
      const { rows } = await this.client.query<{ id: number }>('SELECT lo_from_bytea(0, $1) AS id', [bytes])
      await this.client.query('SELECT lo_export($1, $2)', [rows[0]?.id, path])
    } catch (cause) {
      throw new PrepareError(
        'not_writable',
        `The server can not write ${path} (SQLSTATE ${(cause as { code?: string }).code}): its own user must own it.`,
        { cause },
      )
    } finally {
      await this.client.query('ROLLBACK')
    }
  }

  /** Lines of the pg_hba file the server would not take. */
  async badRules(): Promise<number[]> {
    const { rows } = await this.client.query<{ line: number }>(
      'SELECT line_number AS line FROM pg_hba_file_rules WHERE error IS NOT NULL ORDER BY 1',
    )
    return rows.map(({ line }) => line)
  }

  /** From the answer on every new session meets the rules as they stand in the file. @returns when it was asked for */
  async reload(): Promise<string> {
    const { rows } = await this.client.query<{ at: string }>('SELECT clock_timestamp()::text AS at')
    await this.client.query('SELECT pg_reload_conf()')
    // Only a session that was started since shows that the server itself has read its files.
    const at = rows[0]?.at ?? ''
    await untilLoaded(at, () => connected(this.url))
    return at
  }

  /**
   * Sessions in a database are ended until there are none: of roles that get in only those begun before the instant, of
   * `except` none. @throws PrepareError when there is no end of them
   */
  async endSessions(
    database: string,
    admitted: readonly string[],
    except: readonly string[],
    before: string,
  ): Promise<void> {
    for (let look = 0, calm = 0; calm < 3; look++) {
      const { rowCount } = await this.client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = $1 AND pid <> pg_backend_pid() AND usename IS NOT NULL AND usename <> ALL ($2::text[])
           AND (usename <> ALL ($3::text[]) OR backend_start < $4::timestamptz)`,
        [database, except, admitted, before],
      )
      if (look > SESSION_LOOKS)
        throw new PrepareError(
          'sessions_stay',
          `${rowCount} sessions in ${database} do not end. The gate is shut; look at pg_stat_activity, end them, and prepare again before anything is restored.`,
        )
      calm = rowCount === 0 ? calm + 1 : 0
      await sleep(20)
    }
  }

  /** Statements that give a role what it lacks to open the gate later; null when there is no such role. */
  async lacks(role: string): Promise<string[] | null> {
    const { rows } = await this.client.query<{ super: boolean; lacking: string[] }>(
      `SELECT rolsuper AS super, ARRAY(
         SELECT format('GRANT %s TO %I;', needed, rolname)
         FROM unnest('{pg_read_all_settings,pg_read_server_files,pg_write_server_files,pg_signal_backend}'::text[]) AS needed
         WHERE NOT pg_has_role(rolname, needed::name, 'usage')
         UNION ALL SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I; -- in database postgres', needed, rolname)
         FROM unnest('{"pg_read_file(text,bigint,bigint,boolean)",pg_reload_conf()}'::text[]) AS needed
         WHERE NOT has_function_privilege(rolname, needed, 'execute')) AS lacking
       FROM pg_roles WHERE rolname = $1`,
      [role],
    )
    if (rows[0] === undefined) return null
    return rows[0].super ? [] : rows[0].lacking
  }

  async close(): Promise<void> {
    await this.client.end()
  }
}

/** @throws Error when the server has not read its configuration within about ten seconds */
export async function untilLoaded(
  since: string,
  open: () => Promise<Pick<pg.Client, 'query' | 'end'>>,
): Promise<void> {
  for (let look = 0; look < RELOAD_LOOKS; look++) {
    const client = await open()
    try {
      const { rows } = await client.query<{ loaded: boolean }>(
        'SELECT pg_conf_load_time() > $1::timestamptz AS loaded',
        [since],
      )
      if (rows[0]?.loaded) return
    } finally {
      await client.end()
    }
    await sleep(100)
  }
  throw new PrepareError(
    'not_reloaded',
    'The server did not read its configuration again: look into its log.',
  )
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    application_name: 'lethe prepare',
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (cause) {
    const { code = 'none' } = cause as { code?: string }
    throw new PrepareError(
      'unreachable',
      `The server of --url does not let this in (${code}): check address, role and password.`,
      { cause },
    )
  }
}
