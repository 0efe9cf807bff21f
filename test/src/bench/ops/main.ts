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
import { LIVE, STREAM, toTheStream } from './live.js'
import { Asker, LIST, ONE, OVERVIEW, paged, questions, timed } from './reads.js'
import { SCREEN, toTheScreen } from './screen.js'

export const USAGE = `       npm run bench -- ops [--quick] [--only ops,screen] [--requests N] [--repetitions N]
       [--calls N per question] [--consoles 0,5,20] [--seconds N with each number of consoles] [--out FOLDER]`

/** What is measured apart: a run of one keeps the figures of the other. */
const PARTS = ['ops', 'screen'] as const
type Part = (typeof PARTS)[number]

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
      only: { type: 'string' },
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
  const parts = partsOf(values.only)
  if (parts.includes('screen') && findChromium() === null) console.log('  no Chromium here: no screen')
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
        await measureAll(lethe, filled, { sizes, parts, machine: on, out: values.out })
        console.log(`\nJSON and plots: ${values.out}`)
      } finally {
        await lethe.stop()
      }
    },
  )
}

async function measureAll(
  lethe: Installation,
  filled: Filled,
  run: { sizes: Sizes; parts: readonly Part[]; machine: object; out: string },
): Promise<void> {
  const { requests, events } = filled
  const file = new ReportFile(run.out, aimsOf, 'ops')
  const all: Sample[] = []
  for (const part of run.parts) {
    const before = machineSeconds()
    const samples: Sample[] = []
    await measures[part](lethe, filled, run.sizes, (more) => {
      for (const { measure, subject, unit, value } of more)
        console.log(`  ${measure}: ${subject} ${value.toFixed(1)} ${unit}`)
      samples.push(...more)
      // Again and again, so that a run that is ended early has left what it had.
      const sizes = { ...run.sizes, requests, events }
      file.put(part, { machine: run.machine, sizes, load: loadSince(before), samples })
    })
    all.push(...samples)
  }
  console.log(renderTable(rowsOf(all), aimsOf(rowsOf(all))))
}

type Measure = (
  lethe: Installation,
  filled: Filled,
  sizes: Sizes,
  add: (more: readonly Sample[]) => void,
) => Promise<void>

const asked: Measure = async (lethe, filled, sizes, add) => {
  const asker = new Asker(lethe.ops.url, lethe.ops.token)
  add(await firstLoad(lethe))
  for (let repetition = 0; repetition < sizes.repetitions; repetition++) {
    for (const question of questions(filled, NOOP_SYSTEMS)) add(await timed(asker, question, sizes.calls))
    add(await paged(asker, sizes.pages))
    add(await toTheStream(lethe, 1 + repetition * sizes.followed, sizes.followed))
  }
  // Last, when the process has grown to the size it works at.
  for (const consoles of sizes.consoles) add(await memoryWith(lethe, consoles, sizes.seconds))
  asker.close()
}

const onTheScreen: Measure = async (lethe, _filled, sizes, add) => {
  const chromium = findChromium()
  if (chromium === null) return
  const browser = await launch(chromium)
  try {
    for (let repetition = 0; repetition < sizes.repetitions; repetition++)
      add(await toTheScreen(lethe, browser, 1_000_000 + repetition * sizes.watched, sizes.watched))
  } finally {
    await browser.close()
  }
}

const measures: Readonly<Record<Part, Measure>> = { ops: asked, screen: onTheScreen }

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
    slowest(rows, SCREEN, 'p95 <= 500 ms', 500),
    { measure: LOAD, text: '<= 250 kB', reached: load?.median ?? null, wanted: { atMost: 250 } },
    {
      measure: MEMORY,
      text: 'most consoles against none <= 1.2',
      reached: memory.length < 2 ? null : (memory.at(-1) as number) / (memory[0] as number),
      wanted: { atMost: 1.2 },
    },
  ]
}

function partsOf(only: string | undefined): readonly Part[] {
  if (only === undefined) return PARTS
  const named = only.split(',')
  const parts = PARTS.filter((part) => named.includes(part))
  if (parts.length !== named.length)
    throw new Error(`--only takes ${PARTS.join(' and ')}, not "${only}"\n${USAGE}`)
  return parts
}

function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || text.trim() === '')
    throw new Error(`${name} must be a whole number, not "${text}"\n${USAGE}`)
  return value
}
