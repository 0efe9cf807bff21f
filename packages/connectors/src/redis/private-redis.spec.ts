import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/** A Redis of the spec's own, for what the shared one must not be: replica, cluster, short of memory. */
export interface PrivateRedis {
  readonly port: number
  readonly client: Redis
  readonly url: string
  stop(): Promise<void>
}

/** `redis-server` of the system's packages; the stack needs it anyway. */
export async function startRedis(...options: string[]): Promise<PrivateRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-redis-'))
  const port = await freePort()
  const base = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ]
  const server = spawn('redis-server', [...base, ...options], { stdio: 'ignore' })
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: 200 })
  client.on('error', () => undefined)
  await Promise.race([client.ping(), exited(server)])
  return {
    port,
    client,
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      client.disconnect()
      server.kill('SIGKILL')
      if (server.exitCode === null && server.signalCode === null) {
        await new Promise((resolve) => server.once('exit', resolve))
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function exited(server: ChildProcess): Promise<never> {
  return new Promise((_resolve, reject) => {
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)))
  })
}

/** A cluster's bus listens 10000 higher, so both ports must be free. */
async function freePort(): Promise<number> {
  for (let tried = 0; tried < 50; tried++) {
    const port = 18_000 + Math.floor(Math.random() * 4_000)
    if ((await canListen(port)) && (await canListen(port + 10_000))) return port
  }
  throw new Error('no free pair of ports was found in fifty tries')
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
