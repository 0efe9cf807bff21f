import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findChromium, launch } from '../../browser/chromium.js'
import { NOOP_SYSTEMS } from '../measures/throughput-noop.js'
import { withStack } from '../pipeline/ground.js'
import { Installation } from '../pipeline/installation.js'
import { noopMap } from '../pipeline/people.js'
import { noopSystems } from '../pipeline/stores.js'
import { ReportFile } from '../report/file.js'
import { loadSince, machine, machineSeconds } from '../report/machine.js'
import type { Aim, Row, Sample } from '../report/measure.js'
import { renderTable, rowsOf } from '../report/table.js'
import { firstLoad, LOAD, MEMORY, memoryWith } from './consoles.js'
import { type Filled, fill } from './fill.js'
import { LIVE, SCREEN, STREAM, toTheScreen, toTheStream } from './live.js'
import { Asker, LIST, ONE, OVERVIEW, paged, questions, timed } from './reads.js'

export const USAGE = `       npm run bench -- ops [--quick] [--requests N] [--repetitions N] [--calls N per question]
       [--consoles 0,5,20] [--seconds N with each number of consoles] [--out FOLDER]`

interface Sizes {
  readonly requests: number
  readonly templates: number
  readonly repetitions: number
  readonly calls: number
  readonly pages: number
  /** Requests that are followed live, on the stream and on the screen. */
  readonly followed: number
  readonly watched: number
  readonly consoles: readonly number[]
  readonly seconds: number
}

const usual: Sizes = {
  requests: 1_000_000,
  templates: 4_000,
  repetitions: 3,
  calls: 100,
  pages: 50,
  followed: 60,
  watched: 10,
  consoles: [0, 5, 20],
  seconds: 20,
}
const quick: Sizes = {
  ...usual,
  requests: 4_000,
  templates: 1_000,
  repetitions: 1,
  calls: 20,
  pages: 5,
  followed: 10,
  watched: 3,
  seconds: 3,
}

const rootDir = fileURLToPath(new URL('../../../..', import.meta.url))

/** `npm run bench -- ops`: what the console waits for, with a million requests behind it. */
export async function opsBench(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      requests: { type: 'string' },
      repetitions: { type: 'string' },
      calls: { type: 'string' },
      consoles: { type: 'string' },
      seconds: { type: 'string' },
      out: { type: 'string', default: join(rootDir, 'docs', 'benchmarks') },
    },
  })
  const base = values.quick ? quick : usual
  const sizes: Sizes = {
    ...base,
    requests: whole('--requests', values.requests, base.requests),
    repetitions: whole('--repetitions', values.repetitions, base.repetitions),
    calls: whole('--calls', values.calls, base.calls),
    seconds: whole('--seconds', values.seconds, base.seconds),
    consoles: values.consoles?.split(',').map((text) => whole('--consoles', text, 0)) ?? base.consoles,
  }
  await withStack(
    (line) => console.log(`  ${line}`),
    async (context) => {
      const on = await machine(context.at.lethePostgresUrl)
      let filled: Filled | undefined
      const begun = performance.now()
      const lethe = await Installation.start(context, {
        dataMap: noopMap(NOOP_SYSTEMS),
        systems: noopSystems(NOOP_SYSTEMS),
        ops: true,
        prepare: async (url) => {
          filled = await fill(url, { ...sizes, systems: NOOP_SYSTEMS }, (line) => console.log(`  ${line}`))
        },
      })
      try {
        if (filled === undefined) throw new Error('the database was not filled')
        const { requests, events } = filled
        console.log(
          `${requests} requests, ${events} events (${Math.round((performance.now() - begun) / 1_000)} s)`,
        )
        const before = machineSeconds()
        const samples: Sample[] = []
        const file = new ReportFile(values.out, aimsOf, 'ops')
        await measure(lethe, filled, sizes, samples, () => {
          // Again and again, so that a run that is ended early has left what it had.
          file.put('ops', {
            machine: on,
            sizes: { ...sizes, requests, events },
            load: loadSince(before),
            samples,
          })
        })
        const aims = aimsOf(rowsOf(samples))
        console.log(renderTable(rowsOf(samples), aims))
        console.log(`\nJSON and plots: ${values.out}`)
      } finally {
        await lethe.stop()
      }
    },
  )
}

async function measure(
  lethe: Installation,
  filled: Filled,
  sizes: Sizes,
  samples: Sample[],
  report: () => void,
): Promise<void> {
  const asker = new Asker(lethe.ops.url, lethe.ops.token)
  const add = (more: readonly Sample[]) => {
    samples.push(...more)
    for (const { measure: name, subject, unit, value } of more)
      console.log(`  ${name}: ${subject} ${value.toFixed(1)} ${unit}`)
  }
  add(await firstLoad(lethe))
  for (let repetition = 0; repetition < sizes.repetitions; repetition++) {
    for (const question of questions(filled, NOOP_SYSTEMS)) add(await timed(asker, question, sizes.calls))
    add(await paged(asker, sizes.pages))
    add(await toTheStream(lethe, 1 + repetition * sizes.followed, sizes.followed))
    report()
  }
  // Last, when the process has grown to the size it works at.
  for (const consoles of sizes.consoles) add(await memoryWith(lethe, consoles, sizes.seconds))
  report()
  await onTheScreen(lethe, sizes, add)
  report()
  asker.close()
}

async function onTheScreen(
  lethe: Installation,
  sizes: Sizes,
  add: (more: readonly Sample[]) => void,
): Promise<void> {
  const chromium = findChromium()
  if (chromium === null) return console.log('  no Chromium here: nothing is measured on a screen')
  const browser = await launch(chromium)
  try {
    for (let repetition = 0; repetition < sizes.repetitions; repetition++)
      add(await toTheScreen(lethe, browser, 1_000_000 + repetition * sizes.watched, sizes.watched))
  } finally {
    await browser.close()
  }
}

/** The slowest of a measure has to be fast enough. */
function slowest(rows: readonly Row[], measure: string, text: string, most: number, subject?: string): Aim {
  const own = rows.filter(
    (row) =>
      row.measure === measure && row.unit === 'ms p95' && (subject === undefined || row.subject === subject),
  )
  const reached = own.length === 0 ? null : Math.max(...own.map(({ median }) => median))
  return { measure, text, reached, wanted: { atMost: most } }
}

export function aimsOf(rows: readonly Row[]): Aim[] {
  const memory = rows.filter((row) => row.measure === MEMORY).map(({ median }) => median)
  const load = rows.find((row) => row.measure === LOAD)
  return [
    slowest(rows, LIST, 'p95 <= 100 ms, every one', 100),
    slowest(rows, ONE, 'p95 <= 100 ms', 100),
    slowest(rows, OVERVIEW, 'p95 <= 200 ms, fresh', 200, 'fresh'),
    slowest(rows, LIVE, 'p95 <= 500 ms, on the stream', 500, STREAM),
    slowest(rows, LIVE, 'p95 <= 500 ms, on the screen', 500, SCREEN),
    { measure: LOAD, text: '<= 250 kB', reached: load?.median ?? null, wanted: { atMost: 250 } },
    {
      measure: MEMORY,
      text: 'most consoles against none <= 1.2',
      reached: memory.length < 2 ? null : (memory.at(-1) as number) / (memory[0] as number),
      wanted: { atMost: 1.2 },
    },
  ]
}

function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || text.trim() === '')
    throw new Error(`${name} must be a whole number, not "${text}"\n${USAGE}`)
  return value
}
