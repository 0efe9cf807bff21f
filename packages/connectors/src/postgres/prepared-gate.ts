import { dirname, join } from 'node:path'
import { TerminalError } from '@lethe/eraser-kit'
import pg, { type Pool } from 'pg'
import { failureOf } from './errors.js'
import { gatesIn, hasGate, switchName } from './hook/hba.js'
import { untilLoaded } from './hook/server.js'
import { type Preparation, readSwitch, switchLines } from './hook/switch.js'

export interface FoundGate {
  readonly path: string
  readonly made: Preparation | null
  readonly state: 'shut' | 'open'
  /** Other systems whose gates stand in the same rules. */
  readonly beside: readonly string[]
}

interface Rights {
  readonly hba: string | null
  /** Stands in the configuration of a server that was prepared before its first start. */
  readonly hint: string | null
  readonly reads: boolean
  readonly writes: boolean
}

/**
 * The gate that `lethe restore prepare` left in the server's pg_hba rules, as the replay role sees it. The rules refuse
 * whom the switch names; the server itself writes the switch, so nobody needs to reach its files from outside.
 */
export class PreparedSwitch {
  /**
   * @param store for when the maintenance database lets this role in no more
   * @param maintenance a pool on the server's database `postgres`: the one that is restored may be gone or half filled
   * @param fresh a session that the server starts now
   */
  constructor(
    private readonly systemId: string,
    private readonly store: Pool,
    private readonly maintenance: Pool,
    private readonly fresh: () => Promise<Pick<pg.Client, 'query' | 'end'>>,
  ) {}

  /** Null where nothing was prepared. Throws `gate_not_operable` where this role could not open what was. */
  async look(): Promise<FoundGate | null> {
    const { hba, hint, reads, writes } = await this.rights()
    if (hba === null || !reads) {
      if (hint === this.systemId) throw inoperable()
      return null
    }
    const path = join(dirname(hba), switchName(this.systemId))
    const text = await this.read(path)
    const rules = (await this.read(hba)) ?? ''
    if (text === null || !hasGate(rules, this.systemId)) return null
    if (!writes) throw inoperable()
    return { path, ...readSwitch(text), beside: gatesIn(rules).filter((id) => id !== this.systemId) }
  }

  private async rights(): Promise<Rights> {
    try {
      const { rows } = await this.maintenance.query<Rights>(
        `SELECT (SELECT setting FROM pg_settings WHERE name = 'hba_file') AS hba, ${HINT},
           has_function_privilege('pg_read_file(text,bigint,bigint,boolean)', 'execute')
             AND pg_has_role('pg_read_server_files', 'usage') AS reads,
           has_function_privilege('pg_reload_conf()', 'execute') AND pg_has_role('pg_write_server_files', 'usage') AS writes`,
      )
      return rows[0] ?? none
    } catch (error) {
      if (!KEPT_OUT.has(failureOf(error).code)) throw error
      const { rows } = await this.store.query<Pick<Rights, 'hint'>>(`SELECT ${HINT}`)
      return { ...none, ...rows[0] }
    }
  }

  /** From the answer on nobody new gets in past a gate that was shut. Idempotent. */
  async turn({ path, made }: FoundGate, to: 'shut' | 'open'): Promise<void> {
    const lines = switchLines(made ?? unknownOf(this.systemId), to).map((line) => pg.escapeLiteral(line))
    // As it stands, without quoting: neither control character is in a line of ours.
    const written = `COPY (SELECT unnest(ARRAY[${lines.join(', ')}])) TO ${pg.escapeLiteral(path)}
      WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')`
    const loaded = untilLoaded(await this.reload(written), this.fresh)
    // Who may come in again need not come in at once. Failing here would shut what is open already.
    await (to === 'open' ? loaded.catch(() => undefined) : loaded)
  }

  /** From the answer on the server has read its rules and the switch as they stand. */
  async load(): Promise<void> {
    await untilLoaded(await this.reload(), this.fresh)
  }

  /** One message: whoever ends in between must not leave a switch that says shut to a server that has not read it. */
  private async reload(...first: readonly string[]): Promise<string> {
    const statements = [...first, 'SELECT clock_timestamp()::text AS at', 'SELECT pg_reload_conf()']
    const results = await this.maintenance.query<{ at?: string }>(statements.join('; '))
    const rows = [results].flat().flatMap((result) => result.rows)
    return rows.find(({ at }) => at !== undefined)?.at ?? ''
  }

  /** At its next start the server reads its own pg_hba file again. Where the role may not say so, `--undo` does. */
  async forget({ path, made, beside }: FoundGate): Promise<void> {
    if (made?.way !== 'first_start') return
    // Until the last of them is open the rules must outlive a restart.
    for (const other of beside)
      if (readSwitch((await this.read(join(dirname(path), switchName(other)))) ?? '').state === 'shut') return
    const names = Object.keys(made.settings)
    for (const name of await this.settable(names)) {
      const value = made.settings[name] ?? null
      const to = value === null ? '' : ` = ${pg.escapeLiteral(value)}`
      const quoted = name.split('.').map((part) => pg.escapeIdentifier(part))
      await this.maintenance.query(
        `ALTER SYSTEM ${value === null ? 'RESET' : 'SET'} ${quoted.join('.')}${to}`,
      )
    }
  }

  private async settable(names: readonly string[]): Promise<string[]> {
    const { rows } = await this.maintenance.query<{ fine: boolean; grained: boolean }>(
      `SELECT rolsuper AS fine, current_setting('server_version_num')::int >= 150000 AS grained
       FROM pg_roles WHERE rolname = current_user`,
    )
    if (rows[0]?.fine) return [...names]
    if (!rows[0]?.grained) return []
    const allowed = await this.maintenance.query<{ name: string }>(
      `SELECT name FROM unnest($1::text[]) AS name WHERE has_parameter_privilege(name, 'alter system')`,
      [names],
    )
    return allowed.rows.map(({ name }) => name)
  }

  private async read(path: string): Promise<string | null> {
    const { rows } = await this.maintenance.query<{ text: string | null }>(
      'SELECT pg_read_file($1, 0, 16777216, true) AS text',
      [path],
    )
    return rows[0]?.text ?? null
  }
}

const HINT = `current_setting('lethe.gate', true) AS hint`
const KEPT_OUT = new Set(['missing_database', 'missing_rights', 'access_refused'])
const none: Rights = { hba: null, hint: null, reads: false, writes: false }

const unknownOf = (systemId: string): Preparation => ({
  systemId,
  restoreId: '',
  way: 'running',
  restoring: [],
  admitted: [],
  settings: {},
  hbaFile: null,
})

const inoperable = () =>
  new TerminalError(
    'gate_not_operable',
    'The server was prepared by lethe restore prepare, but the replay role may not open its gate. Give it the rights docs/restore.md lists, or undo it on the server with lethe restore prepare --undo.',
  )
