// `npm run bench -- pipeline|restore|ops`: the figures the design stands on, with peers on the same machine in the same run.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as cpu from './measures/cpu-per-person.js'
import * as endurance from './measures/endurance.js'
import * as instances from './measures/instances.js'
import * as latency from './measures/latency.js'
import * as overload from './measures/overload.js'
import * as rebuild from './measures/rebuild.js'
import * as storage from './measures/storage.js'
import * as noop from './measures/throughput-noop.js'
import * as stores from './measures/throughput-stores.js'
import { USAGE as OPS_USAGE, opsBench } from './ops/main.js'
import { type Ground, type Sizes, withStack } from './pipeline/ground.js'
import { ReportFile } from './report/file.js'
import { loadSince, machine, machineSeconds } from './report/machine.js'
import type { Aim, Row, Sample } from './report/measure.js'
import { renderTable, rowsOf } from './report/table.js'
import { benchRestore, RESTORE_USAGE } from './restore/main.js'
import { wholeNumber } from './whole-number.js'

interface Part {
  run(ground: Ground): Promise<Sample[]>
  aims(rows: readonly Row[]): Aim[]
}

/** Parts that run only when `--only` names them. */
const askedFor: ReadonlySet<string> = new Set(['instances', 'overload', 'storage'])

const parts: Readonly<Record<string, Part>> = {
  stores: { run: stores.throughputStores, aims: stores.aims },
  noop: { run: noop.throughputNoop, aims: noop.aims },
  latency: { run: latency.latency, aims: latency.aims },
  cpu: { run: cpu.cpuPerPerson, aims: cpu.aims },
  rebuild: { run: rebuild.rebuilding, aims: rebuild.aims },
  endurance: { run: endurance.endurance, aims: endurance.aims },
  instances: { run: instances.instances, aims: instances.aims },
  overload: { run: overload.overload, aims: overload.aims },
  storage: { run: storage.storage, aims: storage.aims },
}

const USAGE = `Usage: npm run bench -- pipeline [--quick] [--repetitions N] [--only ${Object.keys(parts).join(',')}]
       [--requests N of the long run] [--events N of the log that is rebuilt] [--out FOLDER]
${RESTORE_USAGE}
${OPS_USAGE}`

const usual: Sizes = {
  repetitions: 5,
  stores: 1_500,
  sequential1: 150,
  sequential32: 600,
  noop: 3_000,
  storage: 3_000,
  bare: 10_000,
  jobs: 3_000,
  openLoopSeconds: 20,
  redisKeys: 1_000_000,
  people: 2_000,
  events: 1_000_000,
  endurance: 50_000,
}
const quick: Sizes = {
  repetitions: 1,
  stores: 100,
  sequential1: 10,
  sequential32: 64,
  noop: 200,
  storage: 300,
  bare: 500,
  jobs: 200,
  openLoopSeconds: 4,
  redisKeys: 20_000,
  people: 300,
  events: 20_000,
  endurance: 1_000,
}

const rootDir = fileURLToPath(new URL('../../..', import.meta.url))

async function main(args: string[]): Promise<void> {
  if (args[0] === 'restore') return benchRestore(args.slice(1))
  if (args[0] === 'ops') return opsBench(args.slice(1))
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      repetitions: { type: 'string' },
      only: { type: 'string' },
      requests: { type: 'string' },
      events: { type: 'string' },
      out: { type: 'string', default: join(rootDir, 'docs', 'benchmarks') },
    },
  })
  const chosen = values.only?.split(',') ?? Object.keys(parts).filter((name) => !askedFor.has(name))
  const unknown = chosen.find((name) => !Object.hasOwn(parts, name))
  if (positionals.join() !== 'pipeline' || unknown !== undefined)
    throw new Error(unknown ? `There is no part "${unknown}".\n${USAGE}` : USAGE)
  const base = values.quick ? quick : usual
  const sizes = {
    ...base,
    repetitions: wholeNumber('--repetitions', values.repetitions, base.repetitions),
    endurance: wholeNumber('--requests', values.requests, base.endurance),
    events: wholeNumber('--events', values.events, base.events),
  }
  await withStack(
    (line) => console.log(`  ${line}`),
    async (context) => {
      const on = await machine(context.at.lethePostgresUrl)
      console.log(
        `\n${on.cores} × ${on.cpu}, ${on.memoryGiB} GiB, Node ${on.node}, PostgreSQL ${on.postgres} (${on.durability}), commit ${on.commit}, load ${on.loadAtBegin.join(' ')}`,
      )
      const samples: Sample[] = []
      const file = new ReportFile(values.out, aimsOf)
      for (const name of chosen) {
        console.log(`\n${name}`)
        const before = machineSeconds()
        try {
          const ground = { context, sizes, say: (text: string) => console.log(`  ${text}`) }
          const measured = await (parts[name] as Part).run(ground)
          samples.push(...measured)
          file.put(name, { machine: on, sizes, load: loadSince(before), samples: measured })
        } catch (error) {
          // The other parts are worth their time all the same; what failed is said and shows in the exit code.
          process.exitCode = 1
          console.error(`  ${name} did not end: ${error instanceof Error ? error.message : error}`)
          if (process.env.LETHE_BENCH_TRACE) console.error(error)
        }
      }
      console.log(renderTable(rowsOf(samples), aimsOf(rowsOf(samples), chosen)))
      console.log(`\nJSON and plots: ${values.out}`)
    },
  )
}

const aimsOf = (rows: readonly Row[], chosen: readonly string[]): Aim[] =>
  chosen.flatMap((name) => (parts[name] as Part).aims(rows))

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  if (process.env.LETHE_BENCH_TRACE) console.error(error)
  process.exitCode = 1
})
