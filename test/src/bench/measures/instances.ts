import type { Ground } from '../pipeline/ground.js'
import { Installation, type Kind } from '../pipeline/installation.js'
import { closedLoop } from '../pipeline/load.js'
import { noopMap, peopleFrom } from '../pipeline/people.js'
import { noopSystems } from '../pipeline/stores.js'
import type { Aim, Sample } from '../report/measure.js'
import { NOOP_SYSTEMS } from './throughput-noop.js'

export const MEASURE = 'Requests per second by number of instances: three no-op systems'
const CONCURRENCY = 64
const EVERYTHING: readonly Kind[] = ['request', 'aggregator', 'eraser', 'probe']
const layouts: readonly { readonly subject: string; readonly twice: readonly Kind[] }[] = [
  { subject: 'Lethe: one of each', twice: [] },
  { subject: 'Lethe: two requests', twice: ['request'] },
  { subject: 'Lethe: two aggregators', twice: ['aggregator'] },
  { subject: 'Lethe: two erasers per system', twice: ['eraser'] },
  { subject: 'Lethe: two probes per system', twice: ['probe'] },
  { subject: 'Lethe: two of each', twice: EVERYTHING },
]

/**
 * What a second instance of each service gives. Layouts take turns, each on an installation of its own that is
 * warmed up first. On a machine whose cores are all busy with one of each, two can not be faster: read the rates
 * beside the number of cores.
 */
export async function instances({ context, sizes, say }: Ground): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let repetition = 0; repetition < sizes.repetitions; repetition++)
    for (const { subject, twice } of layouts) {
      const lethe = await Installation.start(context, {
        dataMap: noopMap(NOOP_SYSTEMS),
        systems: noopSystems(NOOP_SYSTEMS),
        twice,
      })
      try {
        const warm = Math.min(500, sizes.noop)
        await run(lethe, 1, warm)
        const begin = performance.now()
        await run(lethe, warm + 1, sizes.noop)
        const value = (sizes.noop * 1_000) / (performance.now() - begin)
        samples.push({ measure: MEASURE, subject, unit: 'requests/s', value })
        say(`${subject}: ${value.toFixed(0)} requests/s`)
      } finally {
        await lethe.stop()
      }
    }
  return samples
}

/** The callers are divided among the instances of the request service. */
async function run(lethe: Installation, from: number, count: number): Promise<void> {
  const share = Math.ceil(count / lethe.targets.length)
  await Promise.all(
    lethe.targets.map((target, index) => {
      const own = peopleFrom(from + index * share, Math.min(share, count - index * share))
      return closedLoop(target, own, CONCURRENCY / lethe.targets.length)
    }),
  )
  await lethe.completed(from + count - 1)
}

/** Nothing is promised of a second instance; the figures are for whoever plans one. */
export const aims = (): Aim[] => []
