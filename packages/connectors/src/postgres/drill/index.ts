import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DrillSession, type Identifier, TerminalError } from '@lethe/eraser-kit'
import type { Pool } from 'pg'
import { clearAll } from '../../drill-tools/clear-all.js'
import { runTool } from '../../drill-tools/run-tool.js'
import { weigh } from '../../drill-tools/weigh.js'
import { connect, openPool } from '../database.js'
import { crossing } from '../errors.js'
import { quote } from '../sql.js'
import { countOf, type PostgresDrill, personTable, recordOf } from './person.js'
import {
  adviceOn,
  dropScratch,
  inDatabase,
  makeScratch,
  scratchMissing,
  scratchName,
  toolUrl,
  withClient,
} from './scratch.js'

/** A drill with pg_dump, and pg_restore into a database of its own. */
export async function openDrill(context: PostgresDrill): Promise<DrillSession> {
  const application = `lethe drill ${context.drillId}`.slice(0, 63)
  return new PostgresDrilling(
    context,
    openPool({ ...context.options, connections: 1 }, application),
    application,
  )
}

class PostgresDrilling implements DrillSession {
  private readonly name: string
  private readonly dump: string

  constructor(
    private readonly drill: PostgresDrill,
    private readonly pool: Pool,
    private readonly application: string,
  ) {
    this.name = scratchName(drill.systemId, drill.drillId)
    this.dump = join(drill.folder, 'backup.dump')
  }

  check(tenantId: string): Promise<Readonly<Record<string, string>>> {
    return this.crossed('look whether a drill can be done', async () => {
      const scratch = this.scratch()
      const version = async (client: Pick<Pool, 'query'>) =>
        (await client.query<{ server_version: string }>('SHOW server_version')).rows[0]?.server_version ??
        'unknown'
      const makesDatabases = await withClient(scratch, this.application, async (client) => {
        const { rows } = await client.query<{ may: boolean }>(
          'SELECT rolcreatedb OR rolsuper AS may FROM pg_roles WHERE rolname = current_user',
        )
        return { may: rows[0]?.may === true, version: await version(client as unknown as Pool) }
      })
      if (!makesDatabases.may)
        throw new TerminalError(
          'missing_rights',
          'The role of the scratch server may not make databases: ALTER ROLE … CREATEDB.',
        )
      const tools = { folders: this.drill.tools, signal: AbortSignal.timeout(10_000), args: ['--version'] }
      const [pgDump, pgRestore] = [
        await runTool({ ...tools, name: 'pg_dump' }),
        await runTool({ ...tools, name: 'pg_restore' }),
      ]
      await this.insert(tenantId, async () => 'roll back')
      return {
        store: await version(this.pool),
        scratch: makesDatabases.version,
        pg_dump: lastWord(pgDump),
        pg_restore: lastWord(pgRestore),
      }
    })
  }

  plant(tenantId: string, known: (identifiers: readonly Identifier[]) => Promise<void>): Promise<void> {
    return this.crossed('put the person of the drill in', () =>
      this.insert(tenantId, async (identifiers) => {
        await known(identifiers)
        return 'commit'
      }),
    )
  }

  async backUp(signal: AbortSignal): Promise<{ takenAt: number; bytes: number; sha256: string }> {
    const { url, env } = toolUrl(this.drill.options.url)
    const takenAt = Date.now()
    await runTool({
      name: 'pg_dump',
      folders: this.drill.tools,
      args: ['-Fc', '--lock-wait-timeout=30000', '--file', this.dump, '--dbname', url],
      env: { ...env, PGAPPNAME: this.application },
      signal,
      advise: adviceOn,
    })
    return { takenAt, ...(await weigh(this.dump)) }
  }

  async restore(signal: AbortSignal): Promise<string> {
    const scratch = this.scratch()
    const copy = inDatabase(scratch, this.name)
    await this.crossed('make a scratch database', () => makeScratch(scratch, this.name, this.application))
    const { url, env } = toolUrl(copy)
    await runTool({
      name: 'pg_restore',
      folders: this.drill.tools,
      // A subscription would start to take changes from the store in use.
      args: [
        '--exit-on-error',
        '--no-owner',
        '--no-privileges',
        '--no-comments',
        '--no-publications',
        '--no-subscriptions',
        '--dbname',
        url,
        this.dump,
      ],
      env: { ...env, PGAPPNAME: this.application },
      signal,
      advise: adviceOn,
    })
    return copy
  }

  count(copy: string, identifiers: readonly Identifier[]): Promise<number> {
    return this.crossed('look for the person of the drill', async () => {
      const person = await personTable(this.pool, this.drill)
      const { text, values } = countOf(person, identifiers)
      return withClient(copy, this.application, async (client) => {
        const { rows } = await client.query<{ found: number }>(text, [...values])
        return rows[0]?.found ?? 0
      })
    })
  }

  clear(): Promise<void> {
    return this.crossed('clear a drill away', () =>
      clearAll([
        () => rm(this.drill.folder, { recursive: true, force: true }),
        // A tool of a process that is gone may still be reading.
        () =>
          this.pool.query(
            'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()',
            [this.application],
          ),
        async () => {
          if (this.drill.scratch !== undefined) await dropScratch(this.scratch(), this.name, this.application)
        },
      ]),
    )
  }

  close(): Promise<void> {
    return this.pool.end()
  }

  private scratch(): string {
    const { scratch, options } = this.drill
    if (scratch === undefined || !/^postgres(ql)?:\/\//.test(scratch))
      throw scratchMissing('<connection>_SCRATCH')
    if (new URL(scratch).pathname.length <= 1 || scratch === options.url)
      return inDatabase(scratch, 'postgres')
    return scratch
  }

  private async insert(
    tenantId: string,
    then: (identifiers: readonly Identifier[]) => Promise<'commit' | 'roll back'>,
  ): Promise<void> {
    const person = await personTable(this.pool, this.drill)
    const { names, values } = await recordOf(this.pool, person, this.drill, tenantId)
    const places = values.map((_, at) => `$${at + 1}`)
    const named = [...person.columns]
    const client = await connect(this.pool)
    try {
      await client.query('BEGIN')
      const { rows } = await client.query<Record<string, string | null>>(
        `INSERT INTO ${person.sql} (${names.map(quote).join(', ')}) VALUES (${places.join(', ')})
         RETURNING ${named.map(([, column], at) => `${quote(column)}::text AS i${at}`).join(', ')}`,
        [...values],
      )
      const identifiers = named.flatMap(([type], at): Identifier[] => {
        const value = rows[0]?.[`i${at}`]
        return value ? [{ type, value }] : []
      })
      const { text, values: wanted } = countOf(person, identifiers)
      const { rows: counted } = await client.query<{ found: number }>(text, [...wanted])
      // Whoever shares an identifier with the made-up person would be erased with them.
      if (identifiers.length === 0 || counted[0]?.found !== 1)
        throw new TerminalError(
          'drill_not_alone',
          `A made-up person would share an identifier with others in ${person.name}: say other values in LETHE_DRILL_VALUES.`,
        )
      const end = await then(identifiers)
      await client.query(end === 'commit' ? 'COMMIT' : 'ROLLBACK')
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined)
      throw unfitting(error, person.name)
    } finally {
      client.release()
    }
  }

  private async crossed<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw crossing(error, doing)
    }
  }
}

/** Of a constraint only its kind and the column are told. */
function unfitting(error: unknown, table: string): unknown {
  const { code, column } = (error ?? {}) as { code?: unknown; column?: unknown }
  if (typeof code !== 'string' || !/^2[23]/.test(code)) return error
  const where = typeof column === 'string' ? `${table}.${column}` : table
  return new TerminalError(
    'drill_value_missing',
    `A made-up person does not fit ${where} (SQLSTATE ${code}): say what to write into which column in LETHE_DRILL_VALUES.`,
  )
}

const lastWord = (text: string): string => /(\d+(\.\d+)+)/.exec(text)?.[1] ?? 'unknown'
