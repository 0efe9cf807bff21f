import { execFile, execFileSync } from 'node:child_process'
import { chownSync, copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import type { StackContext } from '../context.js'
import { dataFolder } from '../data-folder.js'
import type { ProcessSpec } from '../processes.js'
import { rootDir } from '../state.js'

const runFile = promisify(execFile)

/** Settings and access rules shared with docker-compose.yml. */
const configDir = join(rootDir, 'infra', 'postgres')

/** A private PostgreSQL cluster: `lethe` holds Lethe's own database, `shop` the store to erase from. */
export function postgres(context: StackContext, name: 'lethe' | 'shop'): ProcessSpec {
  const { tools, at, state } = context
  const port = name === 'lethe' ? at.ports.lethePostgres : at.ports.shopPostgres
  const user = unprivilegedUser()
  const data = dataFolder(state, `postgres-${name}`, user !== undefined)
  return {
    name: `postgres-${name}`,
    command: join(tools.postgresBin, 'postgres'),
    args: [
      '-D',
      data,
      '-c',
      `config_file=${join(data, 'lethe.conf')}`,
      ...setting('port', port),
      ...loopbackOnly,
      ...durable(),
    ],
    cwd: '/',
    ...(user ? { user } : {}),
    ports: [port],
    prepare: () => prepareCluster(tools.postgresBin, data, user),
    healthy: () => answersSelect(port),
    deadlineMs: 180_000,
    // Fast shutdown: sessions are ended, data is written, replication slots are kept.
    stopSignal: 'SIGINT',
  }
}

const setting = (name: string, value: string | number) => ['-c', `${name}=${value}`]
// No Unix socket: its path would have to stay below 107 characters, wherever the clone is.
const loopbackOnly = [...setting('listen_addresses', '127.0.0.1'), ...setting('unix_socket_directories', '')]

/** `LETHE_DURABLE=1`: as in production, and every commit's time kept. What benchmarks measure on. */
const durable = () =>
  process.env.LETHE_DURABLE === '1'
    ? [
        ...setting('fsync', 'on'),
        ...setting('full_page_writes', 'on'),
        ...setting('track_commit_timestamp', 'on'),
        ...setting('shared_buffers', '512MB'),
        ...setting('max_wal_size', '4GB'),
        ...setting('checkpoint_timeout', '15min'),
      ]
    : []

async function prepareCluster(bin: string, data: string, user: ProcessSpec['user']): Promise<void> {
  // The parent must stay passable for the server's own user.
  mkdirSync(dirname(data), { recursive: true, mode: 0o755 })
  mkdirSync(data, { recursive: true, mode: 0o700 })
  if (user) chownSync(data, user.uid, user.gid)
  if (!existsSync(join(data, 'PG_VERSION'))) {
    const flags = [
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
    ]
    await runFile(join(bin, 'initdb'), ['-D', data, ...flags], { cwd: '/', ...user })
  }
  for (const [from, to] of [
    ['postgresql.conf', 'lethe.conf'],
    ['pg_hba.conf', 'pg_hba.conf'],
  ] as const) {
    copyFileSync(join(configDir, from), join(data, to))
    if (user) chownSync(join(data, to), user.uid, user.gid)
  }
}

async function answersSelect(port: number): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', connectionTimeoutMillis: 2_000 })
  client.on('error', () => client.end())
  try {
    await client.connect()
    await client.query('SELECT 1')
    return true
  } catch {
    // Not accepting yet, or still in recovery: both mean "ask again".
    return false
  } finally {
    await client.end()
  }
}

/** PostgreSQL refuses to run as root; then it runs as the user its packages made. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
