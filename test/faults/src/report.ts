import type { Verdict } from './checker/evidence.js'
import type { Target } from './plan/faults.js'
import type { Needs } from './plan/schedule.js'
import type { EntryOf } from './run/history.js'

export interface TargetRow {
  readonly target: string
  readonly kind: string
  readonly times: number
  /** Faults that met no request. */
  readonly idle: number
  readonly inFlightMin: number
  readonly inFlightMedian: number
  readonly recoveredMedianMs: number | null
  readonly recoveredMaxMs: number | null
  readonly notRecovered: number
}

const order = (kind: string): number =>
  ['kill', 'pair', 'stop', 'rebalance', 'link', 'slot', 'disk', 'clock', 'poison'].indexOf(kind)

/** One row per kind of fault and target. */
export function rowsOf(faults: readonly EntryOf<'fault'>[]): TargetRow[] {
  const groups = new Map<string, EntryOf<'fault'>[]>()
  for (const fault of faults) {
    const name = `${fault.fault.kind} ${fault.target}`
    groups.set(name, [...(groups.get(name) ?? []), fault])
  }
  return [...groups.values()]
    .map((own): TargetRow => {
      const inFlight = own.map((one) => one.inFlight).sort((a, b) => a - b)
      const recovered = own
        .flatMap(({ recoveredMs }) => (recoveredMs === null ? [] : [recoveredMs]))
        .sort((a, b) => a - b)
      return {
        target: own[0]?.target ?? '',
        kind: own[0]?.fault.kind ?? '',
        times: own.length,
        idle: inFlight.filter((n) => n === 0).length,
        inFlightMin: inFlight[0] ?? 0,
        inFlightMedian: inFlight[Math.floor(inFlight.length / 2)] ?? 0,
        recoveredMedianMs: recovered[Math.floor(recovered.length / 2)] ?? null,
        recoveredMaxMs: recovered.at(-1) ?? null,
        notRecovered: own.length - recovered.length,
      }
    })
    .sort((a, b) => order(a.kind) - order(b.kind) || (a.target < b.target ? -1 : 1))
}

export function renderFaults(faults: readonly EntryOf<'fault'>[]): string {
  const seconds = (ms: number | null) => (ms === null ? '-' : (ms / 1_000).toFixed(1))
  const lines = rowsOf(faults).map((row) => [
    row.kind,
    row.target,
    String(row.times),
    `${row.inFlightMin} / ${row.inFlightMedian}`,
    `${seconds(row.recoveredMedianMs)} / ${seconds(row.recoveredMaxMs)}`,
    row.notRecovered > 0 ? `${row.notRecovered} not recovered` : '',
  ])
  const head = ['fault', 'target', 'times', 'in flight min/median', 'recovered s median/max', '']
  return table([head, ...lines])
}

function table(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_cell, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines
    .map((line) => `  ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd())
    .join('\n')
}

const SHOWN = 8

export function renderVerdicts(verdicts: readonly Verdict[]): string {
  return verdicts
    .map((verdict) => {
      const { invariant, title, what, violations, skipped } = verdict
      const state = violations.length > 0 ? 'BROKEN ' : skipped ? 'skipped' : 'holds  '
      const lines = violations.slice(0, SHOWN).map((text) => `\n             ${text}`)
      const more = violations.length > SHOWN ? `\n             and ${violations.length - SHOWN} more` : ''
      return `  ${String(invariant).padStart(2)} ${state}  ${title}: ${skipped ?? what}${lines.join('')}${more}`
    })
    .join('\n')
}

/** What was killed while nothing was going on, did not work again, or was not killed as often as asked for. */
export function shortfalls(faults: readonly EntryOf<'fault'>[], needs: Needs | null): string[] {
  return Object.entries(needs ?? {}).flatMap(([target, wanted]) => {
    const { length } = countedKills(faults).filter((kill) => kill.target === target)
    return length >= wanted
      ? []
      : [`${target} was killed ${length} times with requests in flight, not ${wanted}`]
  })
}

export interface CountedKill {
  readonly target: Target
  readonly inFlight: number
  readonly recoveredMs: number
  /** Killed at the same moment as another. */
  readonly paired: boolean
}

/** Kills that count: there were requests in flight, and what was killed worked again. */
export function countedKills(faults: readonly EntryOf<'fault'>[]): CountedKill[] {
  return faults.flatMap(({ fault, inFlight, kills }) =>
    inFlight === 0 ? [] : kills.map((kill) => ({ ...kill, inFlight, paired: fault.kind === 'pair' })),
  )
}
