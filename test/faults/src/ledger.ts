import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { type Target, targets } from './plan/faults.js'
import type { Needs } from './plan/schedule.js'
import type { CountedKill } from './report.js'

/** One run of faults, and what came of it. */
export interface Segment {
  readonly seed: number
  /** What the run was asked for, so that it can be done again. */
  readonly replay: string
  readonly startedAt: string
  readonly minutes: number
  readonly faults: number
  readonly requests: number
  readonly completed: number
  readonly restedAfterMs: number | null
  readonly largestMegabytes: number
  /** Invariants that did not hold, and everything else that went wrong; kills count all the same. */
  readonly held: number
  readonly judged: number
  readonly problems: readonly string[]
  /** Kills by target: requests in flight, milliseconds until it worked again, and whether it was one of two. */
  readonly kills: Readonly<Partial<Record<Target, readonly LedgerKill[]>>>
}

/** In flight, milliseconds, 1 when another was killed at the same moment. */
export type LedgerKill = readonly [inFlight: number, recoveredMs: number, paired: 0 | 1]

export interface Ledger {
  readonly segments: readonly Segment[]
}

/** One run a line; an empty one where there is none yet. @throws Error when the file is something else */
export function readLedger(file: string): Ledger {
  if (!existsSync(file)) return { segments: [] }
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return { segments: lines.map((line) => segmentOf(line, file)) }
}

function segmentOf(line: string, file: string): Segment {
  const value = parsed(line) as Partial<Segment> | null
  if (typeof value?.seed !== 'number' || typeof value.kills !== 'object' || !Array.isArray(value.problems))
    throw new Error(`${file} is no ledger of fault runs: each of its lines has to be a run`)
  return value as Segment
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // No JSON is no run either; the caller says where.
    return null
  }
}

/** Whole or not at all: a run that is cut off leaves the ledger as it was. */
export function addSegment(file: string, segment: Segment): void {
  const { segments } = readLedger(file)
  const lines = [...segments, segment].map((one) => `${JSON.stringify(one)}\n`)
  writeFileSync(`${file}.new`, lines.join(''))
  renameSync(`${file}.new`, file)
}

export function byTarget(kills: readonly CountedKill[]): Segment['kills'] {
  const found: Partial<Record<Target, LedgerKill[]>> = {}
  for (const { target, inFlight, recoveredMs, paired } of kills) {
    found[target] ??= []
    found[target].push([inFlight, recoveredMs, paired ? 1 : 0])
  }
  return found
}

const killsIn = ({ segments }: Ledger, target: Target): readonly LedgerKill[] =>
  segments.flatMap(({ kills }) => kills[target] ?? [])

/** What the ledger is still short of. */
export function missing(ledger: Ledger, wanted: Needs): Needs {
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([target, count]) => {
      const left = count - killsIn(ledger, target as Target).length
      return left > 0 ? [[target, left]] : []
    }),
  )
}

/** Two tables in Markdown: kills per target, and the runs they come from. */
export function renderLedger(ledger: Ledger): string {
  const { segments } = ledger
  const kills = targets.map((target) => {
    const own = killsIn(ledger, target)
    const inFlight = own.map(([n]) => n).sort((a, b) => a - b)
    const recovered = own.map(([, ms]) => ms).sort((a, b) => a - b)
    const seconds = (ms: number | undefined) => (ms === undefined ? '-' : (ms / 1_000).toFixed(1))
    const paired = own.filter(([, , two]) => two === 1).length
    const least = `${inFlight[0] ?? '-'} / ${middle(inFlight) ?? '-'}`
    return [target, own.length, paired, least, `${seconds(middle(recovered))} / ${seconds(recovered.at(-1))}`]
  })
  const runs = segments.map((one) => [
    one.seed,
    one.minutes.toFixed(1),
    one.faults,
    Object.values(one.kills).reduce((sum, own) => sum + own.length, 0),
    one.requests,
    one.completed,
    one.restedAfterMs === null ? '-' : Math.round(one.restedAfterMs / 1_000),
    one.largestMegabytes,
    `${one.held} of ${one.judged}`,
  ])
  const troubles = segments.flatMap(({ seed, problems }) =>
    problems.map((problem) => `- seed ${seed}: ${problem}`),
  )
  return [
    table(
      ['killed', 'times', 'with another', 'in flight, least / median', 'worked again, s, median / most'],
      kills,
    ),
    table(
      [
        'seed',
        'minutes',
        'faults',
        'kills',
        'requests',
        'completed',
        'at rest after s',
        'largest MB',
        'held',
      ],
      runs,
    ),
    ...(troubles.length > 0 ? [troubles.join('\n')] : []),
  ].join('\n\n')
}

const middle = (sorted: readonly number[]): number | undefined => sorted[Math.floor(sorted.length / 2)]

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
