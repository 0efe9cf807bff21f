import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import {
  createTopics,
  dropOutsideData,
  installSearchServer,
  openContext,
  type ProcessSpec,
  prepareLetheDatabase,
  prepareShopDatabase,
  registerOutboxConnector,
  registerSchemas,
  type SearchServer,
  type StackContext,
  startSearchServer,
  stopProcess,
  withClient,
} from '@lethe/infra'
import { seedCache, seedDatabase } from '@lethe/test/shop'
import type { Mutant } from '../mutants/mutants.js'
import { disks, type FaultKind, type Service, type Target } from '../plan/faults.js'
import { Clocks, findFaketime } from './clocks.js'
import { Disks } from './disks.js'
import {
  credentialsWithSearch,
  kafkaProxyPort,
  members,
  reachThrough,
  serverSpecs,
  worldPorts,
} from './fleet.js'
import { dataMap } from './map.js'
import { seedSearch } from './search-index.js'
import { findToxiproxy, Toxiproxy } from './toxiproxy.js'
import { Unit } from './unit.js'

export interface WorldOptions {
  readonly customers: number
  /** Where downloads are kept between runs. */
  readonly cache: string
  readonly signal: AbortSignal
  readonly report: (line: string) => void
  /** Broken on purpose. */
  readonly mutants: readonly Mutant[]
  /** Says that a process ended by itself and is started again. */
  readonly onOwnEnd: (unit: Unit) => void
}

const KEEPER_MS = 500
const stores: readonly Target[] = ['postgres-shop', 'redis-shop', 'elasticsearch']

/** A whole installation of its own: servers, stores, Lethe's processes, and the means to hurt each of them. */
export class World {
  constructor(
    readonly context: StackContext,
    readonly units: readonly Unit[],
    private readonly search: SearchServer,
    readonly proxies: Toxiproxy | null,
    readonly clocks: Clocks | null,
    readonly disks: Disks | null,
    /** Kinds of faults this machine can not do, with the reason. */
    readonly without: ReadonlyMap<FaultKind, string>,
    private readonly options: WorldOptions,
    private readonly cdcPg: number,
  ) {}

  /** Everything up, seeded and healthy. On failure and on abort nothing is left running. */
  static async start(options: WorldOptions): Promise<World> {
    const context = await openContext()
    const ending: (() => unknown)[] = []
    try {
      return await build(context, options, ending)
    } catch (error) {
      for (const end of ending.reverse()) await Promise.resolve(end()).catch(() => undefined)
      await Promise.all(context.state.records().map((record) => stopProcess(record, context.state)))
      throw error
    }
  }

  get searchUrl(): string {
    return `http://127.0.0.1:${this.search.port}`
  }

  unit(target: Target, instance = 0): Unit {
    const unit = this.units.find((one) => one.target === target && one.instance === instance)
    if (!unit) throw new RangeError(`there is no ${target}/${instance + 1}`)
    return unit
  }

  /** Starts what ended by itself, as an init system would, until the signal aborts. */
  async keep(): Promise<void> {
    const { signal } = this.options
    while (!signal.aborted) {
      for (const unit of this.units) {
        if (!unit.wanted || unit.starting || unit.running) continue
        this.options.onOwnEnd(unit)
        void unit.start()
      }
      await delay(KEEPER_MS, undefined, { signal }).catch(() => undefined)
    }
  }

  /** A slot that is gone takes its place in the log with it. Rejects when it stays in use for a minute. */
  async dropSlot(): Promise<void> {
    const end = Date.now() + 60_000
    for (;;) {
      const gone = await withClient(this.context.at.lethePostgresUrl, async (client) => {
        await client.query(
          "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'lethe_outbox' AND active",
        )
        const { rows } = await client.query(
          "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'lethe_outbox'",
        )
        return rows.length > 0
      }).catch(() => false)
      if (gone) return
      if (Date.now() > end) throw new Error('the replication slot could not be dropped')
      await delay(5)
    }
  }

  /** Whether the connector reads the log of the database. */
  async slotActive(): Promise<boolean> {
    return withClient(this.context.at.lethePostgresUrl, async (client) => {
      const { rows } = await client.query(
        "SELECT active FROM pg_replication_slots WHERE slot_name = 'lethe_outbox'",
      )
      return rows[0]?.active === true
    }).catch(() => false)
  }

  /** Takes every fault away and waits until every process is healthy. @returns those that are not */
  async heal(deadlineMs: number): Promise<string[]> {
    await this.proxies?.heal()
    for (const disk of disks) this.disks?.empty(disk)
    for (const unit of this.units) {
      this.clocks?.move(unit.name, 0)
      unit.thaw()
    }
    await Promise.race([Promise.all(this.units.map((unit) => unit.start())), delay(deadlineMs)])
    const healthy = await Promise.all(this.units.map((unit) => unit.untilHealthy(deadlineMs)))
    return this.units.filter((_unit, at) => !healthy[at]).map(({ name }) => name)
  }

  /** Logs of everything that holds nobody's data: not those of the stores. */
  logs(): string[] {
    const files = this.units.filter(({ target }) => !stores.includes(target)).map(({ log }) => log)
    return files.filter((file) => existsSync(file))
  }

  /** Registers the outbox connector again, which changes nothing where it is there. */
  registerConnector(): Promise<void> {
    return registerConnector(this.context, this.cdcPg, this.options.signal)
  }

  /** Ends every process it started and removes their data; logs are kept on request. Idempotent. */
  async stop(keepLogs: boolean): Promise<void> {
    const { state } = this.context
    for (const unit of this.units) {
      unit.wanted = false
      unit.thaw()
    }
    const tiers = [/^(request|aggregator|restore|ops|eraser-|probe-)/, /^connect$/, /./]
    for (const tier of tiers) {
      const records = state.records().filter(({ name }) => tier.test(name) && !/^elasticsearch/.test(name))
      await Promise.all(records.map((record) => stopProcess(record, state)))
    }
    await this.search.stop()
    this.disks?.unmount()
    dropOutsideData(state)
    state.dropData()
    rmSync(state.file('secrets'), { recursive: true, force: true })
    if (!keepLogs) rmSync(state.path, { recursive: true, force: true })
  }
}

async function build(
  context: StackContext,
  options: WorldOptions,
  ending: (() => unknown)[],
): Promise<World> {
  const { state, at } = context
  const { signal, report } = options
  const without = new Map<FaultKind, string>()
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted()
    const begin = Date.now()
    const result = await work()
    report(`  ${what} (${((Date.now() - begin) / 1000).toFixed(1)} s)`)
    return result
  }
  const skip = (kind: FaultKind, reason: string) => {
    without.set(kind, reason)
    return null
  }

  const faketime = findFaketime()
  const clocks = 'library' in faketime ? new Clocks(faketime.library, state) : skip('clock', faketime.reason)
  const mounted = Disks.mount(state)
  const smallDisks = mounted instanceof Disks ? mounted : skip('disk', mounted.reason)
  if (smallDisks) ending.push(() => smallDisks.unmount())
  const proxy = await findToxiproxy(options.cache)
  const own = worldPorts(context)
  const proxies =
    'program' in proxy
      ? await Toxiproxy.start(proxy.program, state, own.toxiproxy)
      : skip('link', proxy.reason)

  const installed = await installSearchServer('elasticsearch9')
  const specs = serverSpecs(context, proxies ? kafkaProxyPort(context) : null)
  const unitOf = (spec: ProcessSpec, target: Target, instance = 0) =>
    new Unit(target, instance, spec, state, signal)
  const serverUnits = specs.map((spec) => unitOf(spec, spec.name as Target))
  const byName = (name: string) => serverUnits.find((unit) => unit.name === name) as Unit
  const started = (name: string) => timed(name, () => byName(name).start())
  const searchServer = timed('elasticsearch', async () => {
    const server = await startSearchServer(installed)
    ending.push(() => server.stop())
    await seedSearch(`http://127.0.0.1:${server.port}`, options.customers)
    return server
  })
  const parts = [
    started('redis-shop').then(() => seedCache(at.shopRedisUrl, options)),
    started('postgres-shop').then(async () => {
      await prepareShopDatabase(context)
      await seedDatabase(at.shopPostgresUrl, options)
    }),
    started('postgres-lethe').then(() => prepareLetheDatabase(context)),
    started('registry').then(() => registerSchemas(context, signal)),
    started('kafka').then(async () => {
      await createTopics(context)
      await started('connect')
    }),
  ]
  // All of them, also when one fails: nothing may still be starting while the rest is being stopped.
  const settled = await Promise.allSettled([searchServer, ...parts])
  const failed = settled.find((part) => part.status === 'rejected')
  if (failed) throw failed.reason
  signal.throwIfAborted()
  const search = await searchServer

  const { reach, cdcPg } = await reachThrough(proxies, context, search.port)
  await timed('outbox connector', () => registerConnector(context, cdcPg, signal))
  for (const { sql } of options.mutants)
    if (sql) await withClient(at.lethePostgresUrl, (client) => client.query(sql))
  const file = state.file('config', 'data-map.yaml')
  mkdirSync(state.folder('config'), { recursive: true })
  writeFileSync(file, dataMap)
  const credentials = credentialsWithSearch(context)
  const fleet = members(
    context,
    reach,
    { dataMap: file, credentials: credentials.file, searchToken: credentials.token },
    clocks,
  )
  const serviceUnits = fleet.map(({ spec, target, instance }) =>
    unitOf(replaced(spec, programOf(options.mutants, target, instance)), target, instance),
  )
  await timed(`${serviceUnits.length} of Lethe's processes`, () =>
    Promise.all(serviceUnits.map((unit) => unit.start())),
  )
  signal.throwIfAborted()
  const searchUnit = unitOf(search.spec, 'elasticsearch')
  searchUnit.wanted = true
  return new World(
    context,
    [...serviceUnits, ...serverUnits, searchUnit],
    search,
    proxies,
    clocks,
    smallDisks,
    without,
    options,
    cdcPg,
  )
}

const programOf = (mutants: readonly Mutant[], target: Service, instance: number): string | undefined =>
  mutants
    .flatMap(({ instead }) => instead ?? [])
    .find((one) => one.target === target && one.instance === instance)?.program

const replaced = (spec: ProcessSpec, entry: string | undefined): ProcessSpec =>
  entry ? { ...spec, args: [...spec.args.slice(0, -1), entry] } : spec

/** Connect reaches the database through its own link. */
function registerConnector(context: StackContext, port: number, signal: AbortSignal): Promise<void> {
  const ports = { ...context.at.ports, lethePostgres: port }
  return registerOutboxConnector({ ...context, at: { ...context.at, ports } }, signal)
}
