import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openContext } from '@lethe/infra'
import pg from 'pg'
import { goesFirst } from './goes-first.js'

const run = promisify(execFile)

/** PostgreSQL refuses to run as root; then it runs as the user its packages made. */
const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
const user = process.getuid?.() === 0 ? { uid: id('-u'), gid: id('-g') } : null

/** A place of its own for data directories, backups and an archive, and one server at a time on one port. */
export class Cluster {
  private server: ChildProcess | null = null

  private constructor(
    private readonly bin: string,
    readonly root: string,
    readonly port: number,
  ) {}

  static async open(): Promise<Cluster> {
    const { tools } = await openContext()
    const root = mkdtempSync(join(tmpdir(), 'lethe-hook-'))
    if (user) chownSync(root, user.uid, user.gid)
    chmodSync(root, 0o755)
    return new Cluster(tools.postgresBin, root, await freePort())
  }

  path(name: string): string {
    return join(this.root, name)
  }

  url(role: string, database: string): string {
    return `postgres://${role}@127.0.0.1:${this.port}/${database}`
  }

  /** One of PostgreSQL's own programs, as the server's user. */
  async tool(name: string, ...args: string[]): Promise<void> {
    await run(join(this.bin, name), args, { cwd: '/', ...user })
  }

  /** Any other program, as the server's user, which reaches this server by libpq's defaults. */
  async command(program: string, ...args: string[]): Promise<string> {
    const env = { ...process.env, PGHOST: '127.0.0.1', PGPORT: `${this.port}`, PGUSER: 'postgres' }
    return (await run(program, args, { cwd: '/', env, ...user })).stdout
  }

  async copy(from: string, to: string): Promise<void> {
    await run('cp', ['-a', this.path(from), this.path(to)], { cwd: '/', ...user })
  }

  async remove(name: string): Promise<void> {
    rmSync(this.path(name), { recursive: true, force: true })
  }

  async touch(name: string): Promise<void> {
    await run('touch', [this.path(name)], { cwd: '/', ...user })
  }

  async initialise(name: string, settings: readonly string[]): Promise<void> {
    const flags = ['-U', 'postgres', '-A', 'trust', '--locale=C.UTF-8', '--no-sync', '--no-instructions']
    await this.tool('initdb', '-D', this.path(name), ...flags)
    appendFileSync(join(this.path(name), 'postgresql.conf'), `${settings.join('\n')}\n`)
  }

  /** Starts a server; when it answers is not waited for. */
  start(name: string, ...args: string[]): void {
    const log = openSync(this.path('server.log'), 'a')
    const own = ['-p', `${this.port}`, '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=']
    this.server = spawn(join(this.bin, 'postgres'), ['-D', this.path(name), ...own, ...args], {
      cwd: '/',
      stdio: ['ignore', log, log],
      ...user,
    })
    closeSync(log)
    goesFirst(this.server.pid)
  }

  /** Ends by itself, as a server does that reaches its target and may serve nobody. */
  async ended(): Promise<void> {
    const { server } = this
    if (server !== null && server.exitCode === null)
      await new Promise((resolve) => server.once('exit', resolve))
    this.server = null
  }

  /** `immediate` is a crash. */
  async stop(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    this.server?.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await this.ended()
  }

  log(): string {
    return readFileSync(this.path('server.log'), 'utf8')
  }

  async close(): Promise<void> {
    await this.stop('immediate')
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** One statement on a connection of its own; what a connection that is refused throws is thrown. */
export async function ask(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(sql, values)).rows ?? []
  } finally {
    await client.end()
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
