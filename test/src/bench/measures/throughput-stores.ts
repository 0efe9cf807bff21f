import { randomBytes } from 'node:crypto'
import { Sequential } from '../peers/sequential.js'
import type { Ground } from '../pipeline/ground.js'
import { createDatabase, dropDatabase, Installation } from '../pipeline/installation.js'
import { closedLoop } from '../pipeline/load.js'
import { peopleFrom, storesMap } from '../pipeline/people.js'
import { Stores } from '../pipeline/stores.js'
import type { Aim, Row, Sample } from '../report/measure.js'
import { aimOf } from './aims.js'
import { perThousand, together } from './per-thousand.js'

export const MEASURE = 'Requests live-erased and probed per second: PostgreSQL, Redis, Elasticsearch'
export const CPU = 'Processor time per 1,000 requests: PostgreSQL, Redis, Elasticsearch'
/** Load generator and peers are this process, so it counts for everybody; Elasticsearch does not. */
export const ALL = 'Processor time per 1,000 requests, everything together: PostgreSQL, Redis, Elasticsearch'
const LETHE = 'Lethe'
const ONE = 'sequential, 1 at once'
const MANY = 'sequential, 32 at once'

/** The three take turns on the same servers, each with people of its own. */
export async function throughputStores(ground: Ground): Promise<Sample[]> {
  const { context, sizes } = ground
  const samples: Sample[] = []
  const stores = await Stores.open(context, { search: true })
  const ownUrl = new URL(`/peer_${randomBytes(4).toString('hex')}`, context.at.lethePostgresUrl).href
  await createDatabase(ownUrl)
  const at = {
    shopUrl: stores.pgUrl,
    ownUrl,
    redisUrl: stores.redisUrl,
    searchUrl: stores.searchUrl,
    connections: 32,
  }
  const peer = await Sequential.open(at)
  const lethe = await Installation.start(context, { dataMap: storesMap(true), systems: stores.systems() })
  try {
    const peers = async (subject: string, count: number, concurrency: number) => {
      const people = peopleFrom(await stores.take(count), count)
      const before = lethe.cpu()
      const seconds = await timed(() => peer.run(people, concurrency))
      samples.push(together(ALL, subject, before, lethe.cpu(), count))
      samples.push({ measure: MEASURE, subject, unit: 'requests/s', value: count / seconds })
      ground.say(`${subject}: ${(count / seconds).toFixed(1)} requests/s`)
    }
    const ours = async (count: number, counted: boolean) => {
      const people = peopleFrom(await stores.take(count), count)
      const before = lethe.cpu()
      const already = await lethe.requests('completed_at IS NOT NULL')
      const seconds = await timed(async () => {
        await closedLoop(lethe.target, people, 64)
        await lethe.completed(already + count)
      })
      if (!counted) return
      samples.push({ measure: MEASURE, subject: LETHE, unit: 'requests/s', value: count / seconds })
      const after = lethe.cpu()
      samples.push(...perThousand(CPU, before, after, count), together(ALL, LETHE, before, after, count))
      ground.say(`${LETHE}: ${(count / seconds).toFixed(1)} requests/s`)
    }
    await stores.take(0)
    await ours(Math.min(300, sizes.stores), false)
    for (let repetition = 0; repetition < sizes.repetitions; repetition++) {
      await peers(ONE, sizes.sequential1, 1)
      await ours(sizes.stores, true)
      await peers(MANY, sizes.sequential32, 32)
    }
  } finally {
    await lethe.stop()
    await peer.close()
    await dropDatabase(ownUrl)
    await stores.close()
  }
  return samples
}

export const aims = (rows: readonly Row[]): Aim[] => [
  aimOf(rows, MEASURE, '>= 20x sequential at 1', LETHE, ONE, { atLeast: 20 }),
  aimOf(rows, MEASURE, '>= 2x sequential at 32', LETHE, MANY, { atLeast: 2 }),
]

async function timed(work: () => Promise<void>): Promise<number> {
  const begin = performance.now()
  await work()
  return (performance.now() - begin) / 1_000
}
