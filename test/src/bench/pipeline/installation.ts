import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { migrate } from '@lethe/event-store'
import {
  nodeArgs,
  type ProcessSpec,
  registerOutboxConnector,
  removeOutboxConnector,
  type StackContext,
  StateDir,
  startProcess,
  stopProcess,
  urlAs,
  withClient,
} from '@lethe/infra'
import { createTopics } from '@lethe/messaging'
import pg from 'pg'
import { freePorts } from '../../harness/free-ports.js'
import { cpuSeconds, rssBytes } from './cpu.js'
import type { Target } from './load.js'

export type Role = 'erase' | 'probe'
/** What there can be a second instance of; of erasers and probes one per system. */
export type Kind = 'request' | 'aggregator' | 'eraser' | 'probe'

/** A system of the data map, and what its two deployments run with. */
export interface BenchSystem {
  readonly systemId: string
  /** Program below the repository's root. */
  readonly entry: string
  secrets(role: Role): Readonly<Record<string, string>>
}

export interface InstallationOptions {
  readonly dataMap: string
  readonly systems: readonly BenchSystem[]
  readonly env?: Readonly<Record<string, string>>
  /** What runs twice; everything else runs once. */
  readonly twice?: readonly Kind[]
  /** The console's service as well. */
  readonly ops?: boolean
  /** What is to be in Lethe's database before anything runs on it. */
  readonly prepare?: (letheUrl: string) => Promise<void>
  /** Arguments for node, by process name; for profiles. */
  readonly nodeArgs?: (name: string) => readonly string[]
}

const rootFile = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))
const TOKENS = { caller: 'service', looker: 'privacy_officer' } as const
const STALLED_MS = 180_000

/** Lethe's processes on a database, topics and a connector of their own. */
export class Installation {
  private constructor(
    readonly context: StackContext,
    readonly letheUrl: string,
    /** Where requests are sent: one per instance of the request service. */
    readonly targets: readonly Target[],
    /** The console's service, where it runs. */
    readonly ops: Target,
    readonly topicPrefix: string,
    readonly pool: pg.Pool,
    private readonly state: StateDir,
    private readonly connector: string,
  ) {}

  static async start(context: StackContext, options: InstallationOptions): Promise<Installation> {
    const suffix = randomBytes(4).toString('hex')
    const state = new StateDir(mkdtempSync(join(tmpdir(), 'lethe-bench-')))
    const letheUrl = new URL(`/lethe_${suffix}`, context.at.lethePostgresUrl).href
    await createDatabase(letheUrl)
    await migrate(letheUrl)
    await options.prepare?.(letheUrl)
    const topicPrefix = `b${suffix}.`
    await createTopics({ brokers: context.at.brokers, clientId: 'lethe-bench', topicPrefix })
    const connector = `lethe-bench-${suffix}`
    const own = { ...context, at: { ...context.at, lethePostgresUrl: letheUrl } }
    await registerOutboxConnector(own, undefined, connector)
    const usual = 3 + options.systems.length * 2
    const ports = await freePorts(usual * 2)
    const pool = new pg.Pool({ connectionString: letheUrl, max: 4 })
    pool.on('error', () => {})
    const specs = processes(own, state, options, ports, topicPrefix, letheUrl, connector).flatMap(
      (spec, index) =>
        options.twice?.includes(kindOf(spec.name))
          ? [spec, again(spec, ports[usual + index] as number)]
          : [spec],
    )
    const targets = specs
      .filter(({ name }) => kindOf(name) === 'request')
      .map((spec) => ({ url: `http://127.0.0.1:${spec.ports[0]}`, token: tokenOf(context, 'caller') }))
    const ops = {
      url: `http://127.0.0.1:${specs.find(({ name }) => name === 'ops')?.ports[0]}`,
      token: tokenOf(context, 'looker'),
    }
    const installation = new Installation(own, letheUrl, targets, ops, topicPrefix, pool, state, connector)
    try {
      await Promise.all(specs.map((spec) => startProcess(spec, state)))
    } catch (error) {
      await installation.stop()
      throw error
    }
    return installation
  }

  /** The first of them. */
  get target(): Target {
    return this.targets[0] as Target
  }

  /** Processor seconds by process so far; PostgreSQL's two servers, Kafka and Connect count for everybody on them. */
  cpu(): Record<string, number> {
    const records = [...this.state.records(), ...this.context.state.records()]
    const { user, system } = process.cpuUsage()
    return {
      ...Object.fromEntries(records.map(({ name, pid }) => [name, cpuSeconds(pid)])),
      'load generator': (user + system) / 1e6,
    }
  }

  /** Resident bytes of Lethe's own processes. */
  rss(): Record<string, number> {
    return Object.fromEntries(this.state.records().map(({ name, pid }) => [name, rssBytes(pid)]))
  }

  async requests(where: 'live_erased_at IS NOT NULL' | 'completed_at IS NOT NULL' | 'true'): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM read_model.requests WHERE ${where}`,
    )
    return rows[0]?.n ?? 0
  }

  /** Waits until so many requests are completed; gives up when nothing has moved for minutes. */
  async completed(count: number): Promise<void> {
    let seen = -1
    let movedAt = Date.now()
    for (;;) {
      const now = await this.requests('completed_at IS NOT NULL')
      if (now >= count) return
      if (now !== seen) movedAt = Date.now()
      seen = now
      if (Date.now() - movedAt > STALLED_MS)
        throw new Error(`${now} of ${count} requests completed, then nothing`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /**
   * Waits until at most so many of these requests are not completed, and says which. Costs the same however many
   * requests there are besides.
   */
  async unfinished(ids: readonly string[], atMost: number): Promise<string[]> {
    let movedAt = Date.now()
    for (let left = [...ids]; ; ) {
      const { rows } = await this.pool.query<{ request_id: string }>(
        'SELECT request_id FROM read_model.requests WHERE request_id = ANY ($1::text[]) AND completed_at IS NULL',
        [left],
      )
      if (rows.length < left.length) movedAt = Date.now()
      left = rows.map((row) => row.request_id)
      if (left.length <= atMost) return left
      if (Date.now() - movedAt > STALLED_MS)
        throw new Error(`${left.length} requests are not completed, and nothing moves`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  async restart(name: string): Promise<void> {
    const record = this.state.record(name)
    if (record) await stopProcess(record, this.state)
  }

  async stop(): Promise<void> {
    await Promise.all(this.state.records().map((record) => stopProcess(record, this.state)))
    await this.pool.end()
    await removeOutboxConnector(this.context, this.connector)
    await dropDatabase(this.letheUrl, this.connector.replaceAll('-', '_'))
    if (!process.env.LETHE_KEEP_LOGS) rmSync(this.state.path, { recursive: true, force: true })
  }
}

/** Of `eraser-cache`, or `request-2`. */
const kindOf = (name: string): Kind => name.split('-')[0] as Kind

/** A second instance: the same settings on another port. */
const again = (spec: ProcessSpec, port: number): ProcessSpec => ({
  ...spec,
  name: `${spec.name}-2`,
  env: { ...spec.env, LETHE_PORT: String(port) },
  ports: [port],
  healthy: () => isReady(port),
})

function processes(
  context: StackContext,
  state: StateDir,
  options: InstallationOptions,
  ports: readonly number[],
  topicPrefix: string,
  letheUrl: string,
  connector: string,
): ProcessSpec[] {
  const { at, secrets } = context
  const requestUrl = `http://127.0.0.1:${ports[0]}`
  const mapFile = state.file('data-map.yaml')
  writeFileSync(mapFile, options.dataMap)
  const opsPort = ports[2 + options.systems.length * 2] as number
  const portOf = (index: number, role: Role) => ports[2 + index * 2 + (role === 'probe' ? 1 : 0)] as number
  const make = (
    name: string,
    entry: string,
    port: number,
    env: Readonly<Record<string, string>>,
  ): ProcessSpec => ({
    name,
    command: process.execPath,
    args: nodeArgs(rootFile(entry), options.nodeArgs?.(name)),
    env: {
      NODE_ENV: 'production',
      LETHE_LOG_LEVEL: 'warn',
      LETHE_KAFKA: at.brokers.join(','),
      LETHE_REGISTRY_URL: at.registryUrl,
      LETHE_TOPIC_PREFIX: topicPrefix,
      LETHE_PORT: String(port),
      ...env,
      ...options.env,
    },
    cwd: state.path,
    ports: [port],
    healthy: () => isReady(port),
    deadlineMs: 180_000,
  })
  return [
    make('request', 'services/request/dist/main.js', ports[0] as number, {
      LETHE_PG_URL: urlAs(letheUrl, 'lethe_request', secrets.password('lethe_request')),
      LETHE_CREDENTIALS: credentialsFile(context, state, options.systems),
      LETHE_DATA_MAP: mapFile,
      LETHE_GRANT_SECRET: secrets.grantSecret,
      LETHE_PEPPERS: secrets.peppers,
      LETHE_VAULT_KEYS: secrets.vaultKeysFile,
      LETHE_PROBES: options.systems
        .map(({ systemId }, index) => `${systemId}=http://127.0.0.1:${portOf(index, 'probe')}`)
        .join(','),
      LETHE_PROBE_TOKEN: secrets.probeToken,
    }),
    make('aggregator', 'services/aggregator/dist/main.js', ports[1] as number, {
      LETHE_PG_URL: urlAs(letheUrl, 'lethe_aggregator', secrets.password('lethe_aggregator')),
      LETHE_GRANT_SECRET: secrets.grantSecret,
    }),
    ...options.systems.flatMap((system, index) =>
      (['erase', 'probe'] as const).map((role) => {
        const name = `${role === 'erase' ? 'eraser' : 'probe'}-${system.systemId}`
        return make(name, system.entry, portOf(index, role), {
          LETHE_REQUEST_URL: requestUrl,
          LETHE_TOKEN: tokenOf(context, name),
          LETHE_SYSTEM: system.systemId,
          LETHE_ROLE: role,
          ...(role === 'probe' ? { LETHE_PROBE_TOKEN: secrets.probeToken } : {}),
          ...system.secrets(role),
        })
      }),
    ),
    ...(options.ops
      ? [
          make('ops', 'services/ops/dist/main.js', opsPort, {
            LETHE_PG_URL: urlAs(letheUrl, 'lethe_ops', secrets.password('lethe_ops')),
            LETHE_CREDENTIALS: state.file('credentials.json'),
            LETHE_CONNECT_URL: at.connectUrl,
            LETHE_CONNECTOR: connector,
            LETHE_REQUEST_URL: requestUrl,
          }),
        ]
      : []),
  ]
}

/** A secret of the local stack is root enough for tokens that live as long as a run. */
const tokenOf = ({ secrets }: StackContext, name: string): string =>
  createHash('sha256').update(`${secrets.probeToken} ${name}`).digest('base64url')

function credentialsFile(context: StackContext, state: StateDir, systems: readonly BenchSystem[]): string {
  const file = state.file('credentials.json')
  const entries = [
    ...Object.entries(TOKENS).map(([id, role]) => ({ id, roles: [role], tenants: ['*'] })),
    ...systems.flatMap(({ systemId }) =>
      ['eraser', 'probe'].map((role) => ({
        id: `${role}-${systemId}`,
        roles: [role],
        tenants: ['*'],
        systemId,
      })),
    ),
  ].map((entry) => ({
    ...entry,
    sha256: createHash('sha256').update(tokenOf(context, entry.id)).digest('hex'),
  }))
  writeFileSync(file, JSON.stringify(entries), { mode: 0o600 })
  return file
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(5_000) })).ok
  } catch {
    // Not listening yet.
    return false
  }
}

export async function createDatabase(url: string): Promise<void> {
  const name = pg.escapeIdentifier(new URL(url).pathname.slice(1))
  await withClient(new URL('/postgres', url).href, (client) => client.query(`CREATE DATABASE ${name}`))
}

/** Drops a database and, where it was read by one, a replication slot that nobody uses any more. */
export async function dropDatabase(url: string, slot?: string): Promise<void> {
  const name = pg.escapeIdentifier(new URL(url).pathname.slice(1))
  await withClient(new URL('/postgres', url).href, async (client) => {
    if (slot !== undefined) await dropSlot(client, slot)
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  })
}

/** Waits for its reader to leave, and ends a reader that does not. */
export async function dropSlot(client: pg.ClientBase, slot: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const { rows } = await client.query<{ active: boolean }>(
      'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
      [slot],
    )
    if (!rows[0]) return
    if (!rows[0].active) await client.query('SELECT pg_drop_replication_slot($1)', [slot])
    else if (tries === 20)
      await client.query(
        'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1',
        [slot],
      )
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
