import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { freeOffset } from '@lethe/infra'
import type { Verdict } from './checker/evidence.js'
import { addSegment, byTarget, readLedger, renderLedger } from './ledger.js'
import { findings, renderFindings } from './mutants/mutants.js'
import { type Options, options, usage } from './options.js'
import { describe } from './plan/faults.js'
import { countedKills, renderFaults, renderVerdicts, rowsOf, shortfalls } from './report.js'
import { History } from './run/history.js'
import { type Result, Run } from './run/run.js'
import { World } from './world/world.js'

/** Kinds of faults this machine can not do, with the reason. */
const without: Record<string, string> = {}

const root = resolve(import.meta.dirname, '..', '..', '..')

/** 0 when every invariant holds, 1 when one is broken or the run could not be done, 130 after Ctrl-C. */
async function main(): Promise<number> {
  const chosen = options(process.argv.slice(2))
  if (chosen.help) {
    console.log(usage)
    return 0
  }
  if (chosen.summary && chosen.ledger !== null) {
    console.log(renderLedger(readLedger(chosen.ledger)))
    return 0
  }
  const interrupt = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (!interrupt.signal.aborted) console.log(`\n${name}: ending; every process is being stopped`)
      interrupt.abort(new Error(`interrupted by ${name}`))
    })
  process.env['LETHE_STATE'] ??= join(root, '.lethe', `faults-${process.pid}`)
  process.env['LETHE_PORT_OFFSET'] ??= String(await freeOffset())
  const state = process.env['LETHE_STATE']
  mkdirSync(state, { recursive: true })
  const history = new History(chosen.history ?? join(state, 'history.jsonl'))
  history.add({ type: 'run', at: Date.now(), seed: chosen.seed, version: process.version })
  console.log(`\nseed ${chosen.seed}: ${replay(chosen)}`)
  console.log(`  a stack of its own (ports moved by ${process.env['LETHE_PORT_OFFSET']}, state in ${state})`)
  return onWorld(chosen, history, interrupt.signal)
}

async function onWorld(chosen: Options, history: History, interrupt: AbortSignal): Promise<number> {
  const over = new AbortController()
  const report = (line: string) => console.log(line)
  // Enough people for the load at its full rate; those left over are simply not asked for.
  const customers = Math.ceil((chosen.minutes * 60 * chosen.perSecond + 800) / 0.8)
  const stopping = AbortSignal.any([interrupt, over.signal])
  let world: World | null = null
  let failed = true
  try {
    world = await World.start({
      customers,
      cache:
        process.env['LETHE_CACHE'] ??
        join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lethe'),
      signal: stopping,
      mutants: chosen.mutants,
      report,
      onOwnEnd: (unit) => history.add({ type: 'own-end', at: Date.now(), name: unit.name }),
    })
    for (const [kind, reason] of world.without) {
      without[kind] = reason
      console.log(`SKIPPED faults of kind ${kind}: ${reason}`)
    }
    const keeping = world.keep()
    const result = await new Run(world, history, chosen, customers, interrupt, report).run()
    failed = conclude(chosen, history, result) !== 0
    over.abort()
    await keeping
    return result.interrupted ? 130 : failed ? 1 : 0
  } catch (error) {
    if (!interrupt.aborted && error instanceof Error && error.name === 'SetupError') {
      console.log(`SKIPPED every fault: ${error.message}`)
      failed = false
      if (chosen.json) writeFileSync(chosen.json, JSON.stringify({ impossible: error.message }))
      return 0
    }
    if (!interrupt.aborted) throw error
    conclude(chosen, history, null)
    return 130
  } finally {
    over.abort()
    await world?.stop(chosen.keepLogs || failed)
  }
}

/** The checker is right when it finds everything that is broken on purpose. */
function concludeMutants({ mutants, json }: Options, verdicts: readonly Verdict[]): number {
  const all = findings(mutants, verdicts)
  const blind = all.filter(({ found }) => found === null)
  console.log(`\n${renderFindings(all)}\n`)
  console.log(`${all.length - blind.length} of ${all.length} that were broken on purpose were found.`)
  const told = all.map(({ mutant: { name, invariant }, found }) => ({ name, invariant, found }))
  if (json) writeFileSync(json, `${JSON.stringify(told, null, 2)}\n`)
  return blind.length === 0 ? 0 : 1
}

/** Says what was done and found; the last line is what to do about it. */
function conclude(chosen: Options, history: History, result: Result | null): number {
  const faults = history.of('fault')
  const ownEnds = history.of('own-end')
  console.log(`\n${faults.length > 0 ? renderFaults(faults) : '  no fault was done'}`)
  if (ownEnds.length > 0) {
    const names = [...new Set(ownEnds.map(({ name }) => name))].map(
      (name) => `${name} ${ownEnds.filter((end) => end.name === name).length}`,
    )
    console.log(`\n  processes that ended by themselves and were started again: ${names.join(', ')}`)
  }
  // A ledger is filled by several runs: what it is short of is no failure of this one.
  const short = shortfalls(faults, result?.interrupted || chosen.ledger ? null : chosen.needs)
  for (const line of short) console.log(`  ! ${line}`)
  if (!result || result.interrupted) {
    console.log('\nInterrupted: nothing was judged.')
    save(chosen, faults, [], result, short)
    return 130
  }
  console.log(`\n${renderVerdicts(result.verdicts)}`)
  const broken = result.verdicts.filter(({ violations }) => violations.length > 0)
  save(chosen, faults, result.verdicts, result, short)
  enter(chosen, history, result)
  if (chosen.mutants.length > 0) return concludeMutants(chosen, result.verdicts)
  const bad = broken.length > 0 || result.unhealthy.length > 0 || short.length > 0
  const held = result.verdicts.length - broken.length
  console.log(
    `\n${held} of ${result.verdicts.length} invariants hold; ${faults.length} faults, ${result.asked} requests.`,
  )
  if (bad) console.log(`Failing seed: ${chosen.seed}. Once more: ${replay(chosen)}`)
  return bad ? 1 : 0
}

function save(
  chosen: Options,
  faults: ReturnType<History['of']> & Parameters<typeof rowsOf>[0],
  verdicts: readonly Verdict[],
  result: Result | null,
  short: readonly string[],
): void {
  if (!chosen.json) return
  const { seed, minutes } = chosen
  const { asked = 0, byStatus = {}, unhealthy = [], interrupted = true } = result ?? {}
  const value = {
    seed,
    minutes,
    asked,
    byStatus,
    interrupted,
    unhealthy,
    shortfalls: short,
    without,
    faults: rowsOf(faults),
    verdicts,
  }
  writeFileSync(chosen.json, `${JSON.stringify(value, null, 2)}\n`)
}

/** Adds a run that was judged to the ledger, broken or not. */
function enter(chosen: Options, history: History, { verdicts, unhealthy, asked, byStatus }: Result): void {
  if (!chosen.ledger) return
  const faults = history.of('fault')
  const [begin, over] = [history.of('run')[0]?.at ?? 0, history.of('faults-over')[0]?.at ?? 0]
  const first = faults[0]?.at ?? over
  const largest = Math.max(0, ...history.of('memory').map(({ kilobytes }) => kilobytes))
  addSegment(chosen.ledger, {
    seed: chosen.seed,
    replay: replay(chosen),
    startedAt: new Date(begin).toISOString(),
    minutes: (over - first) / 60_000,
    faults: faults.length,
    requests: asked,
    completed: byStatus['COMPLETED'] ?? 0,
    restedAfterMs: history.of('converged')[0]?.within ?? null,
    largestMegabytes: Math.round(largest / 1_000),
    held: verdicts.filter(({ violations }) => violations.length === 0).length,
    judged: verdicts.length,
    problems: [
      ...verdicts.flatMap(({ invariant, violations }) =>
        violations.slice(0, 3).map((text) => `invariant ${invariant}: ${text}`),
      ),
      ...unhealthy.map((name) => `${name} was not healthy after the faults`),
      ...faults
        .filter(({ recoveredMs }) => recoveredMs === null)
        .map(({ fault }) => `${describe(fault)}: did not work again within two minutes`),
    ],
    kills: byTarget(countedKills(faults)),
  })
  console.log(`\n${renderLedger(readLedger(chosen.ledger))}`)
}

const replay = ({
  seed,
  minutes,
  needs,
  together,
  only,
  perSecond,
  short,
  mutants: broken,
}: Options): string =>
  [
    `npm run faults -- --seed ${seed} --minutes ${minutes} --per-second ${perSecond} --together ${together}`,
    ...(needs === null
      ? []
      : [
          `--kills ${Object.entries(needs)
            .map((need) => need.join('='))
            .join(',')}`,
        ]),
    ...(only === null ? [] : [`--only "${only}"`]),
    ...(short ? ['--short'] : []),
    ...(broken.length > 0 ? [`--mutants ${broken.map(({ name }) => name).join(',')}`] : []),
  ].join(' ')

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    const state = process.env['LETHE_STATE']
    if (state && existsSync(state)) console.error(`Logs: ${join(state, 'logs')}`)
    process.exitCode = 1
  },
)
