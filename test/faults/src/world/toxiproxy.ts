import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { accepts, type ProcessSpec, type StateDir, startProcess, stopProcess } from '@lethe/infra'
import type { Link } from '../plan/faults.js'

const run = promisify(execFile)
const VERSION = 'v2.12.0'
const MODULE = `github.com/Shopify/toxiproxy/v2/cmd/server@${VERSION}`

/** The server's program, fetched with Go into the cache when it is not there; or why there is none. */
export async function findToxiproxy(cache: string): Promise<{ program: string } | { reason: string }> {
  const folder = join(cache, `toxiproxy-${VERSION}`)
  const program = join(folder, 'server')
  if (existsSync(program)) return { program }
  const work = `${folder}.${process.pid}`
  try {
    mkdirSync(work, { recursive: true })
    await run('go', ['install', MODULE], { env: { ...process.env, GOBIN: work }, timeout: 300_000 })
    renameSync(work, folder)
    return { program }
  } catch (error) {
    rmSync(work, { recursive: true, force: true })
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    return { reason: missing ? 'toxiproxy is built with Go, and there is none' : 'toxiproxy did not build' }
  }
}

/** Proxies in front of servers; the API is toxiproxy's own. */
export class Toxiproxy {
  readonly #api: string
  readonly #ports = new Map<Link, number>()

  private constructor(
    private readonly spec: ProcessSpec,
    private readonly state: StateDir,
    apiPort: number,
  ) {
    this.#api = `http://127.0.0.1:${apiPort}`
  }

  static async start(program: string, state: StateDir, apiPort: number): Promise<Toxiproxy> {
    const spec: ProcessSpec = {
      name: 'toxiproxy',
      command: program,
      args: ['-host', '127.0.0.1', '-port', String(apiPort)],
      env: { LOG_LEVEL: 'error' },
      ports: [apiPort],
      healthy: () => accepts(apiPort),
      deadlineMs: 20_000,
    }
    await startProcess(spec, state)
    return new Toxiproxy(spec, state, apiPort)
  }

  /** Puts a proxy at `listen` before `upstream`, both ports on loopback. */
  async add(link: Link, listen: number, upstream: number): Promise<void> {
    await this.#call('POST', '/proxies', {
      name: link,
      listen: `127.0.0.1:${listen}`,
      upstream: `127.0.0.1:${upstream}`,
      enabled: true,
    })
    this.#ports.set(link, listen)
  }

  port(link: Link): number {
    const port = this.#ports.get(link)
    if (port === undefined) throw new RangeError(`there is no proxy for ${link}`)
    return port
  }

  /** Slow: 400 ms more each way. Cut: refused and reset. Half-open: open, and nothing comes through. */
  async disturb(link: Link, effect: 'slow' | 'cut' | 'half-open'): Promise<void> {
    if (effect === 'cut') return this.#call('POST', `/proxies/${link}`, { enabled: false })
    const toxic =
      effect === 'slow'
        ? { type: 'latency', attributes: { latency: 400, jitter: 100 } }
        : { type: 'timeout', attributes: { timeout: 0 } }
    for (const stream of ['upstream', 'downstream'])
      await this.#call('POST', `/proxies/${link}/toxics`, { name: `${effect}-${stream}`, stream, ...toxic })
  }

  /** Every link as it was. Idempotent. */
  heal(): Promise<void> {
    return this.#call('POST', '/reset')
  }

  async mend(link: Link, effect: 'slow' | 'cut' | 'half-open'): Promise<void> {
    if (effect === 'cut') return this.#call('POST', `/proxies/${link}`, { enabled: true })
    for (const stream of ['upstream', 'downstream'])
      await this.#call('DELETE', `/proxies/${link}/toxics/${effect}-${stream}`)
  }

  async stop(): Promise<void> {
    const record = this.state.record(this.spec.name)
    if (record) await stopProcess(record, this.state)
  }

  async #call(method: string, path: string, body?: object): Promise<void> {
    const response = await fetch(`${this.#api}${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
      signal: AbortSignal.timeout(10_000),
    })
    await response.arrayBuffer()
    if (!response.ok && response.status !== 404)
      throw new Error(`toxiproxy answered HTTP ${response.status} to ${method} ${path}`)
  }
}
