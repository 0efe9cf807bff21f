import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LetheClient } from '@lethe/client'
import { migrate } from '@lethe/event-store'
import {
  asOneProcess,
  eventually,
  isRunning,
  lethesProcesses,
  openContext,
  type ProcessRecord,
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
import { type ShopSize, seedCache, seedDatabase, shopFile } from '../shop/seed.js'
import { freePorts } from './free-ports.js'
import { claimCache, emptyCache, grantShop, releaseCache } from './stores.js'

export type ProcessName =
  | 'request'
  | 'aggregator'
  | 'eraser-shop-pg'
  | 'probe-shop-pg'
  | 'eraser-cache'
  | 'probe-cache'
  | 'restore'
  | 'ops'
  /** All of them, where they share one. */
  | 'one-process'

export interface ChainOptions {
  /** Changes the text of the shop's data map. */
  readonly dataMap?: (yaml: string) => string
  readonly shop?: ShopSize
  /** Run in the shop's database once it is seeded, before anybody gets rights. */
  readonly shopSql?: string
  /** Another program in the place of a process: its entry file. */
  readonly instead?: Partial<Record<ProcessName, string | undefined>>
  readonly env?: Readonly<Record<string, string>>
  /** Settings of one process alone. */
  readonly envOf?: Partial<Record<ProcessName, Readonly<Record<string, string>>>>
  /** Also runs the restore service, which watches the shop's database. */
  readonly restore?: boolean
  /** Also runs the ops service. */
  readonly ops?: boolean
  /** All services share one process. */
  readonly oneProcess?: boolean
}

/**
 * Lethe's processes on databases, topics, a connector and ports of their own, in front of the running
 * stack's servers: every test starts from nothing and can kill what it likes.
 */
export class Chain {
  private constructor(
    readonly context: StackContext,
    private readonly specs: ReadonlyMap<string, ProcessSpec>,
    private readonly connector: string,
    readonly topicPrefix: string,
  ) {}

  static async start(options: ChainOptions = {}): Promise<Chain> {
    const suffix = randomBytes(4).toString('hex')
    const base = await openContext()
    const cacheUrl = await claimCache(base.at.shopRedisUrl)
    const context = await isolated(base, suffix, cacheUrl)
    // The stack's own file is written anew by everything that uses the stack.
    const credentials = context.state.file('credentials.json')
    copyFileSync(context.secrets.credentialsFile, credentials)
    const topicPrefix = `t${suffix}.`
    await createDatabases(context)
    await seedDatabase(context.at.shopPostgresUrl, options.shop ?? { customers: 1_000 })
    const { shopSql } = options
    if (shopSql) await withClient(context.at.shopPostgresUrl, (client) => client.query(shopSql))
    await emptyCache(context.at.shopRedisUrl)
    await seedCache(context.at.shopRedisUrl, options.shop ?? { customers: 1_000 })
    await grantShop(context.at.shopPostgresUrl)
    await createTopics({ brokers: context.at.brokers, clientId: 'lethe-test', topicPrefix })
    const connector = `lethe-outbox-${suffix}`
    await registerOutboxConnector(context, undefined, connector)
    const env = {
      LETHE_TOPIC_PREFIX: topicPrefix,
      LETHE_OUTBOX_CONNECTOR: connector,
      LETHE_DATA_MAP: dataMapFile(context.state, options.dataMap),
      LETHE_CREDENTIALS: credentials,
      LETHE_CONNECTOR: connector,
      ...options.env,
    }
    const apart = lethesProcesses(context, env)
      .filter(({ name }) => name !== 'restore' || options.restore === true)
      .filter(({ name }) => name !== 'ops' || options.ops === true)
      .map((spec) => replaced(spec, options.instead))
      .map((spec) => ({ ...spec, env: { ...spec.env, ...options.envOf?.[spec.name as ProcessName] } }))
    const specs = options.oneProcess ? [asOneProcess(context, apart)] : apart
    const chain = new Chain(context, new Map(specs.map((spec) => [spec.name, spec])), connector, topicPrefix)
    try {
      await Promise.all(specs.map((spec) => startProcess(spec, context.state)))
    } catch (error) {
      await chain.stop()
      throw error
    }
    return chain
  }

  get pgUrl(): string {
    return this.context.at.shopPostgresUrl
  }

  get redisUrl(): string {
    return this.context.at.shopRedisUrl
  }

  get letheUrl(): string {
    return this.context.at.lethePostgresUrl
  }

  client(credential = 'privacy-officer'): LetheClient {
    return new LetheClient({ url: this.context.at.requestUrl, token: this.context.secrets.token(credential) })
  }

  /** Sends a signal to one process; SIGSTOP is a process that hangs. */
  signal(name: ProcessName, signal: NodeJS.Signals): void {
    process.kill(this.record(name).pid, signal)
  }

  /** kill -9, and back when the operating system has buried it. */
  async crash(name: ProcessName): Promise<void> {
    const record = this.record(name)
    process.kill(record.pid, 'SIGKILL')
    await eventually(async () => !isRunning(record), {
      deadlineMs: 10_000,
      late: () => new Error(`${name} survived kill -9`),
    })
  }

  /** Starts a process again after a crash and waits until it is ready; `entry` puts another program in its place. */
  async restart(name: ProcessName, entry?: string, env: Record<string, string> = {}): Promise<void> {
    const spec = replaced(this.spec(name), { [name]: entry })
    await startProcess({ ...spec, env: { ...spec.env, ...env } }, this.context.state)
  }

  /** Stops a process and starts it, or another program in its place, anew; `env` changes its settings. */
  async exchange(name: ProcessName, entry?: string, env?: Record<string, string>): Promise<void> {
    await this.stopOne(name)
    await this.restart(name, entry, env)
  }

  /** Where a running process writes its log. */
  logFile(name: ProcessName): string {
    return this.record(name).log
  }

  /** What the process is given in its environment when nothing is changed. */
  environment(name: ProcessName): Readonly<Record<string, string>> {
    return this.spec(name).env ?? {}
  }

  private spec(name: ProcessName): ProcessSpec {
    const spec = this.specs.get(name)
    if (!spec) throw new Error(`there is no process ${name}`)
    return spec
  }

  private record(name: ProcessName): ProcessRecord {
    const record = this.context.state.record(name)
    if (!record) throw new Error(`${name} is not running`)
    return record
  }

  async stopOne(name: ProcessName): Promise<void> {
    const record = this.context.state.record(name)
    if (record) await stopProcess(record, this.context.state)
  }

  /** Ends the processes and removes databases, topics' connector and slot. */
  async stop(): Promise<void> {
    const { state, at } = this.context
    await Promise.all(state.records().map((record) => stopProcess(record, state)))
    await removeOutboxConnector(this.context, this.connector)
    await dropDatabases(at.lethePostgresUrl, at.shopPostgresUrl, this.connector.replaceAll('-', '_'))
    await releaseCache(at.shopRedisUrl)
    if (!process.env.LETHE_KEEP_LOGS) rmSync(state.path, { recursive: true, force: true })
  }
}

async function isolated(base: StackContext, suffix: string, shopRedisUrl: string): Promise<StackContext> {
  const ports = await freePorts(9)
  const [request, aggregator, pgErase, pgProbe, redisErase, redisProbe, restore, ops, oneProcess] = ports as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const database = (url: string, name: string) => new URL(`/${name}_${suffix}`, url).href
  return {
    ...base,
    state: new StateDir(mkdtempSync(join(tmpdir(), 'lethe-chain-'))),
    at: {
      ...base.at,
      lethePostgresUrl: database(base.at.lethePostgresUrl, 'lethe'),
      shopPostgresUrl: database(base.at.shopPostgresUrl, 'shop'),
      shopRedisUrl,
      requestUrl: `http://127.0.0.1:${request}`,
      aggregatorUrl: `http://127.0.0.1:${aggregator}`,
      erasers: {
        'shop-pg': { erase: pgErase, probe: pgProbe },
        cache: { erase: redisErase, probe: redisProbe },
      },
      ports: { ...base.at.ports, request, aggregator, restore, ops, oneProcess },
    },
  }
}

async function createDatabases({ at }: StackContext): Promise<void> {
  for (const url of [at.lethePostgresUrl, at.shopPostgresUrl]) {
    const name = pg.escapeIdentifier(new URL(url).pathname.slice(1))
    await withClient(new URL('/postgres', url).href, (client) => client.query(`CREATE DATABASE ${name}`))
  }
  await migrate(at.lethePostgresUrl)
}

async function dropDatabases(letheUrl: string, shopUrl: string, slot: string): Promise<void> {
  await withClient(new URL('/postgres', letheUrl).href, async (client) => {
    await client.query(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active',
      [slot],
    )
    const gone = async () => {
      const { rowCount } = await client.query(
        'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active',
        [slot],
      )
      return rowCount === 0
    }
    for (let tries = 0; tries < 100 && !(await gone()); tries++)
      await new Promise((resolve) => setTimeout(resolve, 50))
    await client.query(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
      [slot],
    )
  })
  for (const url of [letheUrl, shopUrl]) {
    const name = pg.escapeIdentifier(new URL(url).pathname.slice(1))
    await withClient(new URL('/postgres', url).href, (client) =>
      client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    )
  }
}

function dataMapFile(state: StateDir, change: ((yaml: string) => string) | undefined): string {
  const file = state.file('data-map.yaml')
  const yaml = readFileSync(shopFile('data-map.yaml'), 'utf8')
  writeFileSync(file, change ? change(yaml) : yaml)
  return file
}

function replaced(spec: ProcessSpec, instead: ChainOptions['instead']): ProcessSpec {
  const entry = instead?.[spec.name as ProcessName]
  return entry ? { ...spec, args: [...spec.args.slice(0, -1), entry] } : spec
}

/** The connection string of the shop's eraser role, for tests that do what it may do. */
export const eraserUrl = ({ context: { at, secrets } }: Chain): string =>
  urlAs(at.shopPostgresUrl, 'shop_eraser', secrets.password('shop_eraser'))
