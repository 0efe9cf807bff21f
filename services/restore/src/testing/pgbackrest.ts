import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Cluster } from './cluster.js'

const root = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
const STANZA = 'shop'

/** Null where pgBackRest can be run here, else what to do. */
export function pgBackRestMissing(): string | null {
  try {
    execFileSync('pgbackrest', ['version'], { stdio: 'ignore' })
    return null
  } catch {
    return 'pgBackRest is not installed: apt-get install pgbackrest'
  }
}

export const pushing = (cluster: Cluster): string =>
  `pgbackrest --config=${configOf(cluster)} --stanza=${STANZA} archive-push %p`

const configOf = (cluster: Cluster) => cluster.path('pgbackrest.conf')

/** A repository of pgBackRest beside a server whose data directory is `source`. */
export class PgBackRest {
  private constructor(private readonly cluster: Cluster) {}

  static async over(cluster: Cluster): Promise<PgBackRest> {
    const paths = ['repo1', 'log', 'lock', 'spool'].map((name) => `${name}-path=${cluster.path(name)}`)
    const global = [...paths, 'repo1-retention-full=2', 'start-fast=y', 'log-level-console=off']
    const stanza = [`pg1-path=${cluster.path('source')}`, `pg1-port=${cluster.port}`, 'pg1-user=postgres']
    const lines = ['[global]', ...global, `[${STANZA}]`, ...stanza]
    writeFileSync(configOf(cluster), `${lines.join('\n')}\n`)
    const tool = new PgBackRest(cluster)
    await tool.run('stanza-create')
    return tool
  }

  /** @returns the label of the backup */
  async backUp(type: 'full' | 'incr'): Promise<string> {
    await this.run(`--type=${type}`, 'backup')
    const [stanza] = JSON.parse(await this.run('--output=json', 'info')) as [{ backup: { label: string }[] }]
    return stanza.backup.at(-1)?.label ?? ''
  }

  /** As an operator does it without Lethe: over the data directory, which has no server. */
  async restore(...options: string[]): Promise<void> {
    await this.run(...options, 'restore')
  }

  /** As an operator does it with Lethe, from a machine that does not reach the restore service. */
  async restoreByExample(systemId: string, ...options: string[]): Promise<void> {
    const { cluster } = this
    const script = root('examples/restore-hooks/pgbackrest.sh')
    const given = [systemId, STANZA, cluster.path('source'), `--config=${configOf(cluster)}`, ...options]
    const PATH = [root('node_modules/.bin'), process.env.PATH].join(delimiter)
    const env = { ...process.env, PATH, LETHE_RESTORE_URL: 'http://127.0.0.1:9', LETHE_TOKEN: 'nobody' }
    await promisify(execFile)(script, given, { env })
  }

  private run(...args: string[]): Promise<string> {
    return this.cluster.command(
      'pgbackrest',
      `--config=${configOf(this.cluster)}`,
      `--stanza=${STANZA}`,
      ...args,
    )
  }
}
