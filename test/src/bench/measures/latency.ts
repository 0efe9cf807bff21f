import { BareLoop, type BareTimes } from '../peers/bare-loop.js'
import type { Ground } from '../pipeline/ground.js'
import { Installation } from '../pipeline/installation.js'
import { type Accept, openLoop } from '../pipeline/load.js'
import { peopleFrom, storesMap } from '../pipeline/people.js'
import { Stores } from '../pipeline/stores.js'
import type { Aim, Row, Sample } from '../report/measure.js'
import { percentile } from '../report/statistics.js'
import { boundOf } from './aims.js'
import { hopsOf, lastCommits } from './timeline.js'

const measureAt = (rate: number) => `Request to live-erased at ${rate} per second: PostgreSQL and Redis`
const hopsAt = (rate: number) => `Hops of a request at ${rate} per second`
const ACCEPT = 'One accept call at 500 per second'
/** The request says live-erased once its probes have looked, and they wait for what the data map calls settling. */
const ERASED = 'Lethe: erased in every system'
const PROBED = 'Lethe: probed as well, one second of settle: included'
const RATES = [20, 100]
const WAYS = ['p50', 'p99'] as const

/** Open loop: calls go out when they are due, however slow the answers are; waiting counts from when they were due. */
export async function latency(ground: Ground): Promise<Sample[]> {
  const { context, sizes } = ground
  const samples: Sample[] = []
  const stores = await Stores.open(context, { search: false })
  const lethe = await Installation.start(context, { dataMap: storesMap(false), systems: stores.systems() })
  const bare = await BareLoop.open(context)
  const run = async (rate: number, seconds: number) => {
    const count = rate * seconds
    const people = peopleFrom(await stores.take(count), count)
    const already = await lethe.requests('completed_at IS NOT NULL')
    const accepts = await openLoop(lethe.target, people, rate)
    await lethe.completed(already + count)
    return accepts
  }
  try {
    await run(50, Math.min(10, sizes.openLoopSeconds))
    await bare.timed(200, 100)
    for (let repetition = 0; repetition < sizes.repetitions; repetition++) {
      for (const rate of RATES) {
        samples.push(...(await lived(lethe, rate, await run(rate, sizes.openLoopSeconds))))
        samples.push(...bareHops(rate, await bare.timed(rate * sizes.openLoopSeconds, rate)))
        ground.say(`${rate} per second: ${said(samples.slice(-40), measureAt(rate))}`)
      }
      samples.push(
        ...waits(
          ACCEPT,
          'Lethe: accept, with identity resolution',
          'ms',
          await run(500, Math.ceil(sizes.openLoopSeconds / 2)),
        ),
      )
      ground.say(`500 per second: ${said(samples.slice(-2), ACCEPT)}`)
    }
  } finally {
    await bare.close()
    await lethe.stop()
    await stores.close()
  }
  return samples
}

async function lived(lethe: Installation, rate: number, accepts: readonly Accept[]): Promise<Sample[]> {
  const ids = accepts.map(({ requestId }) => requestId)
  const lasted = (commits: ReadonlyMap<string, number>) =>
    accepts.flatMap(({ requestId, sentAt }) => {
      const at = commits.get(requestId)
      return at === undefined ? [] : [at - sentAt]
    })
  const erased = lasted(await lastCommits(lethe.pool, 'PassAcknowledged', ids))
  const probed = lasted(await lastCommits(lethe.pool, 'RequestLiveErased', ids))
  const hops = (await hopsOf(lethe.pool, ids)).flatMap(({ hop, p50, p99 }) => [
    { measure: hopsAt(rate), subject: `Lethe: ${hop}`, unit: 'ms p50', value: p50 },
    { measure: hopsAt(rate), subject: `Lethe: ${hop}`, unit: 'ms p99', value: p99 },
  ])
  return [
    ...hops,
    ...quantiles(measureAt(rate), ERASED, erased),
    ...quantiles(measureAt(rate), PROBED, probed),
  ]
}

const waits = (measure: string, subject: string, _unit: string, accepts: readonly Accept[]): Sample[] =>
  quantiles(
    measure,
    subject,
    accepts.map(({ sentAt, answeredAt }) => answeredAt - sentAt),
  )

function quantiles(measure: string, subject: string, values: readonly number[]): Sample[] {
  const sorted = [...values].sort((a, b) => a - b)
  return WAYS.map((way) => ({
    measure,
    subject,
    unit: `ms ${way}`,
    value: percentile(sorted, way === 'p50' ? 0.5 : 0.99),
  }))
}

function bareHops(rate: number, times: readonly BareTimes[]): Sample[] {
  const hop = (name: string, from: keyof BareTimes, to: keyof BareTimes) =>
    quantiles(
      hopsAt(rate),
      `bare: ${name}`,
      times.map((one) => one[to] - one[from]),
    )
  return [
    ...hop('insert sent → committed', 'sent', 'inserted'),
    ...hop('committed → Debezium, Kafka → consumed', 'inserted', 'consumed'),
    ...hop('acknowledgement produced → consumed', 'consumed', 'acknowledged'),
    ...hop('acknowledgement → inserted', 'acknowledged', 'recorded'),
    ...hop('the whole loop', 'sent', 'recorded'),
  ]
}

const said = (samples: readonly Sample[], measure: string): string =>
  samples
    .filter((sample) => sample.measure === measure)
    .map(({ unit, value }) => `${unit} ${value.toFixed(1)}`)
    .join(', ')

export const aims = (rows: readonly Row[]): Aim[] => {
  const of = (measure: string, unit: string, most: number, text: string) =>
    boundOf(
      rows.filter((row) => row.unit === unit && row.subject.startsWith('Lethe')),
      measure,
      text,
      rows.find((row) => row.measure === measure && row.subject.startsWith('Lethe'))?.subject ?? 'Lethe',
      { atMost: most },
    )
  return [
    ...RATES.flatMap((rate) => [
      of(measureAt(rate), 'ms p50', 60, 'p50 <= 60 ms'),
      of(measureAt(rate), 'ms p99', 250, 'p99 <= 250 ms'),
    ]),
    of(ACCEPT, 'ms p99', 25, 'p99 <= 25 ms'),
  ]
}
