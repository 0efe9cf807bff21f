import { existsSync } from 'node:fs'
import { composeDown, composeUp } from './compose.js'
import { registerOutboxConnector } from './connector.js'
import { openContext, type StackContext } from './context.js'
import { dropOutsideData } from './data-folder.js'
import { prepareLetheDatabase, prepareShopDatabase } from './databases.js'
import { withLock } from './lock.js'
import { asOneProcess } from './one-process.js'
import { type ProcessSpec, start, stop } from './processes.js'
import { connect } from './servers/connect.js'
import { kafka } from './servers/kafka.js'
import { postgres } from './servers/postgres.js'
import { prepareRedisUsers, redis } from './servers/redis.js'
import { registry } from './servers/registry.js'
import { lethesProcesses } from './services.js'
import { isRunning, type ProcessRecord, type Profile, StateDir } from './state.js'
import { runTasks, type Task } from './tasks.js'
import { createTopics, registerSchemas } from './topics.js'

export interface UpOptions {
  /** Ends the start; what it had started is stopped again before the promise rejects. */
  signal?: AbortSignal
  /** One line per thing that is ready. */
  report?: (line: string) => void
  /** Servers come from docker-compose.yml; Lethe's own processes still run here. */
  docker?: boolean
  /** Lethe's own services share one process instead of having one each. */
  oneProcess?: boolean
  /** Further environment of Lethe's own processes. */
  serviceEnv?: Record<string, string>
}

/**
 * Starts the stack and makes it usable: databases, migrations, topics, schemas and the outbox connector.
 * What already runs is kept, what a crash left is replaced. Rejects naming the log when something does
 * not get healthy, after stopping what this call had started.
 */
export async function up(profile: Profile = 'core', options: UpOptions = {}): Promise<void> {
  const context = await openContext(options)
  const { state, at } = context
  await withLock(state, async () => {
    state.saveStack({ profile, portOffset: at.offset, docker: context.docker })
    const started: string[] = []
    try {
      if (context.docker) await startCompose(context, options)
      await runTasks(startTasks(context, profile, started, options), options.signal)
    } catch (error) {
      await stopAll(state, (record) => started.includes(record.name) || !isRunning(record))
      throw error
    }
  })
}

async function startCompose(context: StackContext, { report }: UpOptions): Promise<void> {
  prepareRedisUsers(context)
  await composeUp(context)
  report?.('containers')
}

function startTasks(context: StackContext, profile: Profile, started: string[], options: UpOptions): Task[] {
  const { report } = options
  const timed = (name: string, after: string[], run: (signal: AbortSignal) => Promise<unknown>): Task => ({
    name,
    after,
    run: async (signal) => {
      const begin = Date.now()
      const how = await run(signal)
      report?.(
        `${name}${how === 'kept' ? ' was running' : ''} (${((Date.now() - begin) / 1000).toFixed(1)} s)`,
      )
    },
  })
  const process = (spec: ProcessSpec, ...after: string[]) =>
    timed(spec.name, after, async (signal) => {
      // Noted before it runs: an interrupted start must be stopped as well.
      const fresh = !context.state.records().some((record) => record.name === spec.name && isRunning(record))
      if (fresh) started.push(spec.name)
      return start(spec, context.state, signal)
    })
  const servers = context.docker ? [] : serverTasks(context, process)
  const after = (...names: string[]) => (context.docker ? [] : names)
  return [
    ...servers,
    timed('lethe database', after('postgres-lethe'), () => prepareLetheDatabase(context)),
    timed('shop database', after('postgres-shop'), () => prepareShopDatabase(context)),
    timed('topics', after('kafka'), () => createTopics(context)),
    timed('schemas', after('registry'), (signal) => registerSchemas(context, signal)),
    timed('outbox connector', ['topics', 'lethe database', ...after('connect')], (signal) =>
      registerOutboxConnector(context, signal),
    ),
    ...(profile === 'services'
      ? processesOfLethe(context, options).map((spec) =>
          process(spec, 'lethe database', 'shop database', 'topics', 'schemas', ...after('redis-shop')),
        )
      : []),
  ]
}

function processesOfLethe(context: StackContext, { oneProcess, serviceEnv }: UpOptions): ProcessSpec[] {
  const apart = lethesProcesses(context, serviceEnv)
  const specs = oneProcess ? [asOneProcess(context, apart)] : apart
  const names = new Set(specs.map(({ name }) => name))
  const others = [...apart.map(({ name }) => name), 'one-process'].filter((name) => !names.has(name))
  const running = context.state.records().find((record) => others.includes(record.name) && isRunning(record))
  if (running)
    throw new Error(
      `${running.name} runs already, from the other mode of running Lethe. Run: lethe down, then up again.`,
    )
  return specs
}

function serverTasks(
  context: StackContext,
  process: (spec: ProcessSpec, ...after: string[]) => Task,
): Task[] {
  return [
    process(postgres(context, 'lethe')),
    process(postgres(context, 'shop')),
    process(redis(context)),
    process(kafka(context)),
    process(registry(context)),
    process(connect(context), 'kafka'),
  ]
}

/**
 * Stops everything recorded, Lethe's processes first, then Connect, then the servers it reads from.
 * Also cleans what a crash left. With `data`, the servers' data is removed too. Idempotent.
 */
export async function down(options: { data?: boolean; report?: (line: string) => void } = {}): Promise<void> {
  const state = new StateDir()
  if (!existsSync(state.path)) return
  await withLock(state, async () => {
    await stopAll(state, () => true, options.report)
    if (state.stack()?.docker) await composeDown(await openContext({ docker: true }), options.data ?? false)
    if (!options.data) return
    dropOutsideData(state)
    state.dropData()
  })
}

const LAST = ['kafka', 'registry', 'postgres-lethe', 'postgres-shop', 'redis-shop']

async function stopAll(
  state: StateDir,
  which: (record: ProcessRecord) => boolean,
  report?: (line: string) => void,
): Promise<void> {
  const records = state.records().filter(which)
  const tier = ({ name }: ProcessRecord) => (LAST.includes(name) ? 2 : name === 'connect' ? 1 : 0)
  for (const current of [0, 1, 2]) {
    const ending = records.filter((record) => tier(record) === current)
    const stopped = ending.map(async (record) => {
      const how = await stop(record, state)
      report?.(`${record.name} ${how}`)
    })
    await Promise.all(stopped)
  }
}
