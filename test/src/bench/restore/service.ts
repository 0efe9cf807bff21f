import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrate } from '@lethe/event-store'
import {
  eventually,
  heapArgs,
  heapEnv,
  isRunning,
  nodeArgs,
  type ProcessSpec,
  type StackContext,
  StateDir,
  startProcess,
  stopProcess,
  urlAs,
} from '@lethe/infra'
import { createTopics } from '@lethe/messaging'
import pg from 'pg'
import { freePorts } from '../../harness/free-ports.js'
import { createDatabase, dropDatabase } from '../pipeline/installation.js'
import { SYSTEM } from './request-stand-in.js'

const entry = fileURLToPath(new URL('../../../../services/restore/dist/main.js', import.meta.url))
const NAME = 'restore'
const DAY_MS = 86_400_000
export const POLL_MS = 1_000

/** The restore service as it is deployed, on a database and topics of its own. */
export class RestoreService {
  private readonly token = randomBytes(24).toString('base64url')

  private constructor(
    readonly pool: pg.Pool,
    private readonly context: StackContext,
    private readonly state: StateDir,
    private readonly letheUrl: string,
    private readonly topicPrefix: string,
    private readonly port: number,
    private readonly given: { readonly requestUrl: string; readonly shopUrl: string },
  ) {}

  static async prepare(
    context: StackContext,
    given: { readonly requestUrl: string; readonly shopUrl: string },
  ): Promise<RestoreService> {
    const suffix = randomBytes(4).toString('hex')
    const state = new StateDir(mkdtempSync(join(tmpdir(), 'lethe-bench-')))
    const letheUrl = new URL(`/lethe_${suffix}`, context.at.lethePostgresUrl).href
    await createDatabase(letheUrl)
    await migrate(letheUrl)
    const topicPrefix = `b${suffix}.`
    await createTopics({ brokers: context.at.brokers, clientId: 'lethe-bench', topicPrefix })
    const pool = new pg.Pool({ connectionString: letheUrl, max: 2 })
    pool.on('error', () => {})
    const [port] = await freePorts(1)
    return new RestoreService(pool, context, state, letheUrl, topicPrefix, port as number, given)
  }

  /** A fresh process. `share` of the store's time is for sweeps; null is the default. */
  async start(share: number | null): Promise<void> {
    await this.end()
    await startProcess(this.spec(share), this.state)
  }

  async end(): Promise<void> {
    const record = this.state.record(NAME)
    if (record) await stopProcess(record, this.state)
  }

  /** kill -9 of the process that runs, or of the one that is being started, and the end of it. */
  async crash(): Promise<void> {
    const running = () => {
      const record = this.state.record(NAME)
      return record && isRunning(record) ? record : null
    }
    await eventually(async () => running() !== null, {
      deadlineMs: 60_000,
      late: () => new Error('there is no process to kill'),
    })
    const pid = running()?.pid
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    await eventually(async () => running() === null, {
      deadlineMs: 10_000,
      late: () => new Error('the restore service survived kill -9'),
    })
  }

  async stop(): Promise<void> {
    await this.end()
    await this.pool.end()
    await dropDatabase(this.letheUrl)
    if (!process.env.LETHE_KEEP_LOGS) rmSync(this.state.path, { recursive: true, force: true })
  }

  /** The most memory its process ever held, bytes. */
  peakBytes(): number {
    const status = readFileSync(`/proc/${this.state.record(NAME)?.pid}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024
  }

  async sweep(): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${this.port}/v1/sweeps`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ systemId: SYSTEM }),
    })
    if (!response.ok)
      throw new Error(`the restore service answers ${response.status}: ${await response.text()}`)
  }

  private spec(share: number | null): ProcessSpec {
    const { at, secrets } = this.context
    const { port } = this
    const credentials = this.state.file('credentials.json')
    const sha256 = createHash('sha256').update(this.token).digest('hex')
    writeFileSync(credentials, JSON.stringify([{ id: 'bench', roles: ['admin'], tenants: ['*'], sha256 }]), {
      mode: 0o600,
    })
    return {
      name: NAME,
      command: process.execPath,
      args: nodeArgs(entry, heapArgs(NAME)),
      env: {
        ...heapEnv(NAME),
        NODE_ENV: 'production',
        LETHE_LOG_LEVEL: 'warn',
        LETHE_KAFKA: at.brokers.join(','),
        LETHE_REGISTRY_URL: at.registryUrl,
        LETHE_TOPIC_PREFIX: this.topicPrefix,
        LETHE_PORT: String(port),
        LETHE_PG_URL: urlAs(this.letheUrl, 'lethe_restore', secrets.password('lethe_restore')),
        LETHE_REQUEST_URL: this.given.requestUrl,
        LETHE_TOKEN: this.token,
        LETHE_CREDENTIALS: credentials,
        LETHE_MARKER_SECRET: secrets.markerSecret,
        LETHE_SYSTEMS: `${SYSTEM}:postgres`,
        LETHE_POLL_MS: String(POLL_MS),
        // Sweeps when they are asked for, and at no other time.
        LETHE_SWEEP_MS: String(365 * DAY_MS),
        LETHE_SAMPLE_MS: String(365 * DAY_MS),
        SHOP_PG: this.given.shopUrl,
        ...(share === null ? {} : { LETHE_SWEEP_SHARE: String(share) }),
      },
      cwd: this.state.path,
      ports: [port],
      healthy: async () => {
        try {
          return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(5_000) })).ok
        } catch {
          // Not listening yet.
          return false
        }
      },
      deadlineMs: 180_000,
    }
  }
}
