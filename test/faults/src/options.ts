import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { links, poisonedTopics, servers, services } from './plan/faults.js'

export interface Options {
  readonly seed: number
  readonly minutes: number
  readonly kills: number | null
  readonly only: string | null
  readonly json: string | null
  readonly history: string | null
  /** Judged more strictly in time, with fewer people: what `npm test` runs. */
  readonly short: boolean
  readonly perSecond: number
  readonly keepLogs: boolean
  /** Run with an eraser that takes too much and one that lies; succeeds when the checker says so. */
  readonly mutants: boolean
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
  --kills K         end after K kills of every service, even before the minutes are over
  --only TARGET     faults of one target alone; see below
  --per-second R    requests asked for per second (default 4)
  --json FILE       the result as JSON
  --history FILE    every request, fault and sample, a JSON value a line
  --short           about five minutes in all, as in npm test
  --mutants         with a cache eraser that takes a neighbour's keys and a search system that lies: the
                    checker has to find both (invariants 2 and 11), or the run fails
  --keep-logs       leave the processes' logs
  --help            this text

Targets: ${targetNames.slice(0, 15).join(', ')},
         ${targetNames.slice(15).join(', ')}

A run that finds something prints its seed. The same seed does the same faults to the same requests in the
same order; how long each takes is the machine's.
`

/** @throws Error saying what is wrong, for a person */
export function options(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string' },
      kills: { type: 'string' },
      only: { type: 'string' },
      'per-second': { type: 'string' },
      json: { type: 'string' },
      history: { type: 'string' },
      short: { type: 'boolean', default: false },
      'keep-logs': { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { short } = values
  const only = values.only ?? null
  if (only !== null && !targetNames.includes(only))
    throw new Error(`--only ${only}: there is no such target. There are: ${targetNames.join(', ')}`)
  return {
    seed: number('seed', values.seed, randomInt(1, 1_000_000)),
    minutes: number('minutes', values.minutes, short ? 1.5 : 10),
    kills: values.kills === undefined ? null : number('kills', values.kills, 0),
    only,
    json: values.json ?? null,
    history: values.history ?? null,
    short,
    perSecond: number('per-second', values['per-second'], 4),
    keepLogs: values['keep-logs'],
    mutants: values.mutants,
    help: values.help,
  }
}

function number(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} ${text}: give a number above 0`)
  return value
}
