import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { missing, readLedger } from './ledger.js'
import { chosenMutants, type Mutant } from './mutants/mutants.js'
import { links, poisonedTopics, servers, services, type Target, targets } from './plan/faults.js'
import { type Needs, needsOf } from './plan/schedule.js'

export interface Options {
  readonly seed: number
  readonly minutes: number
  /** Minutes for the whole run, its start included; null: as long as it takes. */
  readonly within: number | null
  /** Kills that are wanted of each; null: as many as the minutes give. */
  readonly needs: Needs | null
  /** Faults that may be in force at once. */
  readonly together: number
  readonly only: string | null
  readonly json: string | null
  /** Where kills are added up over runs. */
  readonly ledger: string | null
  /** Only shows what the ledger has. */
  readonly summary: boolean
  readonly history: string | null
  /** Judged more strictly in time, with fewer people: what `npm test` runs. */
  readonly short: boolean
  readonly perSecond: number
  readonly keepLogs: boolean
  /** Broken on purpose; the run succeeds when the checker finds each of them. */
  readonly mutants: readonly Mutant[]
  readonly help: boolean
}

export const targetNames: readonly string[] = [
  ...services,
  ...servers,
  ...links.map((link) => `link ${link}`),
  'replication slot',
  'disk of postgres-lethe',
  'disk of kafka',
  ...poisonedTopics,
]

export const usage = `Usage: npm run faults -- [options]

Runs Lethe on a stack of its own, hurts every part of it, and checks the design's invariants afterwards.

  --seed N          the schedule of faults and requests; drawn and printed when not given
  --minutes M       how long faults go on (default 10); coming to rest takes some minutes more
  --within M        the whole run in about M minutes: faults end early enough for what comes before and after them
  --kills K         end after K kills of every service and server, even before the minutes are over;
                    "kafka=3,ops=5" says it for each
  --together T      how many faults may be in force at once (default 3)
  --ledger FILE     add this run's kills to FILE; with --kills, only what FILE is still short of is wanted
  --summary         show the ledger as tables, and run nothing
  --only TARGET     faults of one target alone; see below
  --per-second R    requests asked for per second (default 4)
  --json FILE       the result as JSON
  --history FILE    every request, fault and sample, a JSON value a line
  --short           about five minutes in all, as in npm test
  --mutants NAMES   with parts of Lethe broken on purpose, "all" of them or some: the checker has to find each, or
                    the run fails
  --keep-logs       leave the processes' logs
  --help            this text

Targets: ${targetNames.slice(0, 15).join(', ')},
         ${targetNames.slice(15).join(', ')}

A run that finds something prints its seed. The same seed does the same faults to the same requests in the
same order; how long each takes is the machine's.
`

/** Its schedule begins with poison for request, which one of the mutants swallows. */
const MUTANTS_SEED = 88

/** @throws Error saying what is wrong, for a person */
export function options(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string' },
      within: { type: 'string' },
      kills: { type: 'string' },
      together: { type: 'string' },
      ledger: { type: 'string' },
      summary: { type: 'boolean', default: false },
      only: { type: 'string' },
      'per-second': { type: 'string' },
      json: { type: 'string' },
      history: { type: 'string' },
      short: { type: 'boolean', default: false },
      'keep-logs': { type: 'boolean', default: false },
      mutants: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const { short } = values
  const only = values.only ?? null
  if (only !== null && !targetNames.includes(only))
    throw new Error(`--only ${only}: there is no such target. There are: ${targetNames.join(', ')}`)
  const ledger = values.ledger ?? null
  if (values.summary && ledger === null) throw new Error('--summary needs --ledger FILE')
  const wanted = values.kills === undefined ? null : killsWanted(values.kills)
  return {
    seed: number('seed', values.seed, values.mutants ? MUTANTS_SEED : randomInt(1, 1_000_000)),
    minutes: number('minutes', values.minutes, values.mutants ? 1 : short ? 1.5 : 10),
    within: values.within === undefined ? null : number('within', values.within, 0),
    needs: wanted && ledger !== null ? missing(readLedger(ledger), wanted) : wanted,
    together: number('together', values.together, 3),
    ledger,
    summary: values.summary,
    only,
    json: values.json ?? null,
    history: values.history ?? null,
    short,
    perSecond: number('per-second', values['per-second'], 4),
    keepLogs: values['keep-logs'],
    mutants: values.mutants === undefined ? [] : chosenMutants(values.mutants),
    help: values.help,
  }
}

/** @throws Error when it is neither a number nor a list of targets with one */
function killsWanted(text: string): Needs {
  if (!text.includes('=')) return needsOf(number('kills', text, 0))
  const entries = text.split(',').map((part): [Target, number] => {
    const [name, count] = part.split('=')
    const target = targets.find((one) => one === name)
    if (!target) throw new Error(`--kills ${part}: can be killed: ${targets.join(', ')}`)
    return [target, number('kills', count, 0)]
  })
  return Object.fromEntries(entries)
}

function number(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} ${text}: give a number above 0`)
  return value
}
