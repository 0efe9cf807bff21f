import { BareLoop } from '../peers/bare-loop.js'
import { BullmqFlow } from '../peers/bullmq-flow.js'
import { PgBossJobs } from '../peers/pg-boss-jobs.js'
import type { Ground } from '../pipeline/ground.js'
import { Installation } from '../pipeline/installation.js'
import { closedLoop } from '../pipeline/load.js'
import { noopMap, peopleFrom } from '../pipeline/people.js'
import { noopSystems } from '../pipeline/stores.js'
import type { Aim, Row, Sample } from '../report/measure.js'
import { aimOf } from './aims.js'
import { perThousand, together } from './per-thousand.js'

export const MEASURE = 'Requests per second with nothing to erase: three no-op systems'
export const CPU = 'Processor time per 1,000 requests: three no-op systems'
/** Load generator and peers are this process, so it counts for everybody. */
export const ALL = 'Processor time per 1,000 requests, everything together: three no-op systems'
const LETHE = 'Lethe, erased and probed in 3 systems'
const BARE = 'bare loop: insert, Debezium, Kafka, acknowledge, insert'
const BULLMQ = 'BullMQ flow, 1 parent and 3 children'
const PG_BOSS = 'pg-boss, 3 jobs and a countdown'
const CONCURRENCY = 64
export const NOOP_SYSTEMS = ['sys-a', 'sys-b', 'sys-c']

/** All take turns; each is warmed before it counts. */
export async function throughputNoop(ground: Ground): Promise<Sample[]> {
  const { context, sizes } = ground
  const samples: Sample[] = []
  const lethe = await Installation.start(context, {
    dataMap: noopMap(NOOP_SYSTEMS),
    systems: noopSystems(NOOP_SYSTEMS),
  })
  const bare = await BareLoop.open(context)
  const bullmq = new BullmqFlow(context.at.shopRedisUrl)
  const boss = await PgBossJobs.open(context.at.lethePostgresUrl)
  let next = 1
  const ours = async (count: number) => {
    const people = peopleFrom(next, count)
    next += count
    const already = await lethe.requests('completed_at IS NOT NULL')
    await closedLoop(lethe.target, people, CONCURRENCY)
    await lethe.completed(already + count)
  }
  const turns = [
    { subject: LETHE, count: sizes.noop, run: ours },
    { subject: BARE, count: sizes.bare, run: (count: number) => bare.run(count, 32) },
    { subject: BULLMQ, count: sizes.jobs, run: (count: number) => bullmq.run(count, CONCURRENCY) },
    { subject: PG_BOSS, count: sizes.jobs, run: (count: number) => boss.run(count, CONCURRENCY) },
  ]
  try {
    await bullmq.ready()
    for (const { count, run } of turns) await run(Math.min(500, count))
    for (let repetition = 0; repetition < sizes.repetitions; repetition++)
      for (const { subject, count, run } of turns) {
        const before = lethe.cpu()
        const begin = performance.now()
        await run(count)
        const value = (count * 1_000) / (performance.now() - begin)
        samples.push({ measure: MEASURE, subject, unit: 'requests/s', value })
        const after = lethe.cpu()
        if (subject === LETHE) samples.push(...perThousand(CPU, before, after, count))
        samples.push(together(ALL, subject, before, after, count))
        ground.say(`${subject}: ${value.toFixed(0)} requests/s`)
      }
  } finally {
    await Promise.allSettled([bullmq.close(), boss.close(), bare.close()])
    await lethe.stop()
  }
  return samples
}

export const aims = (rows: readonly Row[]): Aim[] => [
  aimOf(rows, MEASURE, '>= 0.3 of the bare loop', LETHE, BARE, { atLeast: 0.3 }),
  aimOf(rows, MEASURE, '>= 3x BullMQ', LETHE, BULLMQ, { atLeast: 3 }),
  aimOf(rows, MEASURE, '>= 3x pg-boss', LETHE, PG_BOSS, { atLeast: 3 }),
]
