import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { TerminalError } from '@lethe/eraser-kit'
import { Redis } from 'ioredis'
import { searchPath } from '../../drill-tools/config.js'

export const BACKUP = 'backup.rdb'
const SETTINGS = 'scratch.conf'
/** How long a server may load a backup, milliseconds. */
const LOAD_MS = 600_000

/**
 * A Redis of the drill's own on this machine, that answers here alone and to a password nobody knows; it keeps nothing.
 * Resolves to its address when the backup is loaded.
 */
export async function startScratch(
  folder: string,
  tools: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const port = await freePort()
  const password = randomBytes(24).toString('base64url')
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    requirepass: password,
    dir: folder,
    dbfilename: BACKUP,
    save: '""',
    appendonly: 'no',
    daemonize: 'no',
  }
  const text = Object.entries(settings).map(([name, value]) => `${name} ${value}`)
  // Whoever clears this away after a crash learns from it how to reach the server.
  writeFileSync(join(folder, SETTINGS), `${text.join('\n')}\n`, { mode: 0o600 })
  const server = spawn('redis-server', [join(folder, SETTINGS)], {
    stdio: 'ignore',
    env: { PATH: searchPath(tools) },
  })
  const client = connected(port, password, 200)
  const stop = () => server.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  try {
    await Promise.race([client.ping(), ended(server)])
    return addressOf(port, password)
  } finally {
    signal.removeEventListener('abort', stop)
    client.disconnect()
    signal.throwIfAborted()
  }
}

/** Idempotent: also of a drill whose process is gone. */
export async function stopScratch(folder: string): Promise<void> {
  const file = join(folder, SETTINGS)
  if (!existsSync(file)) return
  const settings = new Map(
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  )
  const client = connected(Number(settings.get('port')), settings.get('requirepass') ?? '', 0)
  const answers = await client.connect().then(
    () => true,
    () => false,
  )
  // The answer is the end of the connection. Somebody else's server on that port refuses the password.
  if (answers) await client.shutdown('NOSAVE').catch(() => undefined)
  client.disconnect()
}

const addressOf = (port: number, password: string): string => `redis://:${password}@127.0.0.1:${port}`

function connected(port: number, password: string, retryMs: number): Redis {
  const client = new Redis(addressOf(port, password), {
    lazyConnect: retryMs === 0,
    connectTimeout: 5_000,
    maxRetriesPerRequest: retryMs === 0 ? 0 : Math.ceil(LOAD_MS / retryMs),
    retryStrategy: () => (retryMs === 0 ? null : retryMs),
  })
  client.on('error', () => undefined)
  return client
}

const ended = (server: ChildProcess): Promise<never> =>
  new Promise((_resolve, reject) => {
    server.once('error', () =>
      reject(
        new TerminalError(
          'tool_missing',
          'redis-server can not be run: install it here, or name its folder in LETHE_DRILL_TOOLS.',
        ),
      ),
    )
    server.once('exit', () =>
      reject(
        new TerminalError(
          'tool_failed',
          "The scratch redis-server ended: it may be older than the server in use, or this machine's memory too small for the backup.",
        ),
      ),
    )
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
