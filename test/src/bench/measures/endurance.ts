import type { Ground } from '../pipeline/ground.js'
import { Installation } from '../pipeline/installation.js'
import { closedLoop } from '../pipeline/load.js'
import { noopMap, peopleFrom } from '../pipeline/people.js'
import { noopSystems } from '../pipeline/stores.js'
import type { Aim, Row, Sample } from '../report/measure.js'
import { aimOf } from './aims.js'
import { NOOP_SYSTEMS } from './throughput-noop.js'

export const RATE = 'Rate of a long run, by tenth'
export const MEMORY = 'Resident memory of each service in a long run'
const FIRST = 'Lethe: tenth 1'
const LAST = 'Lethe: tenth 10'
/** Memory is compared with what it was after so many requests, or after a tenth of a shorter run. */
const SETTLED = 10_000

/** One run without stores, however many repetitions the others have: what is looked for is a drift. */
export async function endurance(ground: Ground): Promise<Sample[]> {
  const { context, sizes, say } = ground
  const samples: Sample[] = []
  const lethe = await Installation.start(context, {
    dataMap: noopMap(NOOP_SYSTEMS),
    systems: noopSystems(NOOP_SYSTEMS),
  })
  const settled = Math.min(SETTLED, Math.floor(sizes.endurance / 10))
  let done = 0
  let open: string[] = []
  const go = async (count: number) => {
    for (let left = count; left > 0; left -= 2_000) {
      const some = Math.min(2_000, left)
      const accepted = await closedLoop(lethe.target, peopleFrom(done + 1, some), 64)
      done += some
      // A bounded number is under way: what is measured is the pipeline, not a queue.
      open = await lethe.unfinished([...open, ...accepted.map(({ requestId }) => requestId)], 1_000)
    }
    open = await lethe.unfinished(open, 0)
  }
  try {
    await go(settled)
    const early = lethe.rss()
    say(`after ${settled}: MiB of ${memory(lethe)}`)
    const tenth = Math.floor((sizes.endurance - settled) / 10)
    for (let index = 1; index <= 10; index++) {
      const begin = performance.now()
      await go(tenth)
      const value = (tenth * 1_000) / (performance.now() - begin)
      samples.push({ measure: RATE, subject: `Lethe: tenth ${index}`, unit: 'requests/s', value })
      say(`tenth ${index} of ${sizes.endurance}: ${value.toFixed(0)} requests/s; MiB of ${memory(lethe)}`)
    }
    const late = lethe.rss()
    for (const [name, bytes] of Object.entries(late)) {
      const before = early[name] ?? 0
      samples.push({ measure: MEMORY, subject: `${name} after ${settled}`, unit: 'MiB', value: mib(before) })
      samples.push({
        measure: MEMORY,
        subject: `Lethe: ${name} after ${done}`,
        unit: 'MiB',
        value: mib(bytes),
      })
      samples.push({
        measure: MEMORY,
        subject: `Lethe: ${name}`,
        unit: 'times as much',
        value: bytes / before,
      })
    }
  } finally {
    await lethe.stop()
  }
  return samples
}

const mib = (bytes: number): number => bytes / 2 ** 20

/** A long run that fails has still told how it went. */
const memory = (lethe: Installation): string =>
  Object.entries(lethe.rss())
    .map(([name, bytes]) => `${name} ${mib(bytes).toFixed(0)}`)
    .join(', ')

export const aims = (rows: readonly Row[]): Aim[] => {
  const grown = rows.filter(({ measure, unit }) => measure === MEMORY && unit === 'times as much')
  return [
    aimOf(rows, RATE, 'last tenth >= 0.95 of the first', LAST, FIRST, { atLeast: 0.95 }),
    {
      measure: MEMORY,
      text: '<= 1.1x in every service',
      reached: grown.length === 0 ? null : Math.max(...grown.map(({ median }) => median)),
      wanted: { atMost: 1.1 },
    },
  ]
}
