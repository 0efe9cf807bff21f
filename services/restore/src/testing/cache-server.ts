import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Preparing } from '@lethe/connectors/redis'
import { Redis } from 'ioredis'

export type Persistence = 'rdb' | 'aof'

const ARTEFACT: Readonly<Record<Persistence, string>> = { rdb: 'dump.rdb', aof: 'appendonlydir' }
const RULES = '~* &* +@all'
/** As an operator writes them: the application's user, Lethe's two, and an administrator who is the default one. */
const USERS = ['app', 'eraser', 'replay'].map((name) => `user ${name} on >secret ${RULES}`)

/** A Redis on a folder of its own, that is killed, put back to a backup and started again. */
export class CacheServer {
  /** Where its users stand. */
  readonly file: string
  private server: ChildProcess | undefined

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly persistence: Persistence,
    readonly form: Preparing['form'],
  ) {
    this.file = join(folder, form === 'acl-file' ? 'users.acl' : 'redis.conf')
    const first = form === 'acl-file' ? 'user default on >root ~* &* +@all' : 'requirepass root'
    writeFileSync(this.file, `${[first, ...USERS].join('\n')}\n`)
  }

  static async start(persistence: Persistence, form: Preparing['form'] = 'acl-file'): Promise<CacheServer> {
    const folder = mkdtempSync(join(tmpdir(), 'lethe-cache-'))
    const server = new CacheServer(folder, await freePort(), persistence, form)
    await server.start()
    return server
  }

  url(user: string, password = 'secret'): string {
    return `redis://${user}:${password}@127.0.0.1:${this.port}`
  }

  /** Resolves when it has loaded what it found. */
  async start(): Promise<void> {
    const options = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.folder, '--save', '']
    const kept = this.persistence === 'aof' ? ['--appendonly', 'yes', '--appendfsync', 'no'] : []
    const [before, after] = this.form === 'config' ? [[this.file], []] : [[], ['--aclfile', this.file]]
    this.server = spawn('redis-server', [...before, ...options, ...kept, ...after], { stdio: 'ignore' })
    const client = this.client('replay')
    try {
      await Promise.race([client.ping(), ended(this.server)])
    } finally {
      client.disconnect()
    }
  }

  async kill(): Promise<void> {
    const server = this.server
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    server.kill('SIGKILL')
    await new Promise((resolve) => server.once('exit', resolve))
  }

  client(user: string, password?: string): Redis {
    const client = new Redis(this.url(user, password), { retryStrategy: () => 20, maxRetriesPerRequest: 500 })
    client.on('error', () => undefined)
    return client
  }

  /** As the manual says: the file of a background save, or the folder of the append-only file, copied. */
  async backUp(): Promise<string> {
    const client = this.client('replay')
    if (this.persistence === 'rdb') {
      await client.bgsave()
      while (/rdb_bgsave_in_progress:1/.test(await client.info('persistence')))
        await new Promise((resolve) => setTimeout(resolve, 20))
    }
    client.disconnect()
    const backup = mkdtempSync(join(tmpdir(), 'lethe-cache-backup-'))
    const artefact = ARTEFACT[this.persistence]
    cpSync(join(this.folder, artefact), join(backup, artefact), { recursive: true })
    return backup
  }

  /** Puts a backup in the place of what there is; the server must be down. */
  putBack(backup: string): void {
    const artefact = ARTEFACT[this.persistence]
    rmSync(join(this.folder, artefact), { recursive: true, force: true })
    cpSync(join(backup, artefact), join(this.folder, artefact), { recursive: true })
  }

  async close(): Promise<void> {
    await this.kill()
    if (existsSync(this.folder)) rmSync(this.folder, { recursive: true, force: true })
  }
}

const ended = (server: ChildProcess): Promise<never> =>
  new Promise((_resolve, reject) => {
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
  })

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
