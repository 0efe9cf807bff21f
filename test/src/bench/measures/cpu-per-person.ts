import { postgres } from '@lethe/connectors/postgres'
import { redis as redisConnector } from '@lethe/connectors/redis'
import type { Connector, EraseIo, OpenContext, Pass, Session } from '@lethe/eraser-kit'
import { Redis } from 'ioredis'
import { emptyCache } from '../../harness/stores.js'
import { cpuSeconds } from '../pipeline/cpu.js'
import type { Ground } from '../pipeline/ground.js'
import { personAt } from '../pipeline/people.js'
import { Stores } from '../pipeline/stores.js'
import type { Aim, Row, Sample } from '../report/measure.js'
import { medianOf } from './aims.js'

const BATCHES = [1, 10, 100, 1_000]
export const POSTGRES = 'Processor time of PostgreSQL per erased person, by batch size'
export const REDIS = 'Processor time of a Redis scan per erased person, by batch size'

/** The connectors alone, each in batches of 1 to 1,000 people. The server's processor time is what is divided. */
export async function cpuPerPerson(ground: Ground): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let repetition = 0; repetition < ground.sizes.repetitions; repetition++) {
    samples.push(...(await inPostgres(ground)), ...(await inRedis(ground)))
  }
  return samples
}

async function inPostgres({ context, sizes, say }: Ground): Promise<Sample[]> {
  const stores = await Stores.open(context, { search: false })
  const server = context.state.record('postgres-shop')?.pid ?? 0
  const erase = {
    table: 'sessions',
    by: 'user_id',
    method: 'delete',
    category: 'indirect',
    basis: 'contract',
  }
  const elements = [erase, { ...erase, table: 'orders' }, { ...erase, table: 'users', by: 'id' }]
  const session = await open(postgres as unknown as Connector, { url: stores.pgUrl }, { elements })
  try {
    const samples: Sample[] = []
    for (const batch of BATCHES) {
      const people =
        batch === 1 ? Math.min(300, sizes.people) : Math.max(batch, Math.min(2_000, sizes.people))
      const from = await stores.take(people)
      await session.erase(passes(from, 1), io)
      const before = cpuSeconds(server)
      await inBatches(session, from + 1, people - 1, batch)
      const ms = ((cpuSeconds(server) - before) * 1_000) / (people - 1)
      samples.push({ measure: POSTGRES, subject: `batch of ${batch}`, unit: 'ms', value: ms })
      say(`PostgreSQL, batch of ${batch}: ${ms.toFixed(3)} ms per person`)
    }
    return samples
  } finally {
    await session.close()
    await stores.close()
  }
}

async function inRedis({ context, sizes, say }: Ground): Promise<Sample[]> {
  const url = context.at.shopRedisUrl
  await emptyCache(url)
  const session = await open(
    redisConnector as unknown as Connector,
    { url },
    { keys: ['tenant:{tenant}:user:{user_id}:*'] },
  )
  const client = new Redis(url)
  try {
    const samples: Sample[] = []
    await fill(client, sizes.redisKeys)
    let from = 1
    for (const batch of BATCHES) {
      const people = batch === 1 ? 3 : batch
      const before = await serverSeconds(client)
      await inBatches(session, from, people, batch)
      const ms = (((await serverSeconds(client)) - before) * 1_000) / people
      from += people
      samples.push({
        measure: REDIS,
        subject: `batch of ${batch}, ${sizes.redisKeys} keys`,
        unit: 'ms',
        value: ms,
      })
      say(`Redis, batch of ${batch}: ${ms.toFixed(3)} ms per person`)
    }
    return samples
  } finally {
    client.disconnect()
    await session.close()
    await emptyCache(url)
  }
}

/** Two keys per person, and every person is somebody who is not erased, too. */
async function fill(client: Redis, keys: number): Promise<void> {
  for (let n = 1; n <= keys / 2; n += 10_000) {
    const pipeline = client.pipeline()
    for (let index = n; index < Math.min(n + 10_000, keys / 2 + 1); index++)
      for (const name of ['profile', 'cart']) pipeline.set(`tenant:acme:user:u${index}:${name}`, '{}')
    await pipeline.exec()
  }
}

async function inBatches(session: Session, from: number, count: number, batch: number): Promise<void> {
  for (let at = from; at < from + count; at += batch) {
    const outcomes = await session.erase(passes(at, Math.min(batch, from + count - at)), io)
    const wrong = outcomes.find(({ outcome }) => outcome !== 'erased')
    if (wrong) throw new Error(`a person was not erased: ${wrong.outcome} ${wrong.errorCode ?? ''}`)
  }
}

const passes = (from: number, count: number): Pass[] =>
  Array.from({ length: count }, (_, index) => {
    const { tenantId, userId } = personAt(from + index)
    const requestId = `bench-${process.pid}-${Date.now()}-${from + index}`
    return {
      requestId,
      systemId: 'bench',
      stepId: 'bench#1',
      passId: 'bench#1/initial',
      attempt: 1,
      subject: {
        subjectRef: requestId,
        tenantId,
        identifiers: [{ type: 'user_id' as const, value: userId }],
        receivedAt: Date.now(),
      },
      grant: { grantId: requestId, expiresAt: Date.now() + 600_000 },
      ceilingWaived: false,
    }
  })

const io: EraseIo = {
  signal: new AbortController().signal,
  now: Date.now,
  receipt: ({ requestId, passId }) => ({ requestId, passId, body: '{}' }),
}

function open(connector: Connector, options: object, system: object): Promise<Session> {
  const context: OpenContext<unknown, unknown> = {
    systemId: 'bench',
    options: connector.options.parse(options),
    system: connector.system.parse(system),
    tenant: { column: 'tenant_id' },
    canonical: 'user_id',
    ceiling: null,
  }
  return connector.open(context)
}

/** Microseconds are kept by the server itself; /proc knows hundredths only. */
async function serverSeconds(client: Redis): Promise<number> {
  const info = await client.info('cpu')
  const of = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1] ?? 0)
  return of('used_cpu_sys') + of('used_cpu_user')
}

export const aims = (rows: readonly Row[]): Aim[] => {
  const less = (measure: string, times: number, text: string): Aim => {
    const subjects = rows.filter((row) => row.measure === measure).map(({ subject }) => subject)
    const one = medianOf(rows, measure, subjects[0] ?? '')
    const many = medianOf(rows, measure, subjects.at(-1) ?? '')
    const reached = one === null || many === null ? null : one / Math.max(many, 1e-6)
    return { measure, text, reached, wanted: { atLeast: times } }
  }
  return [
    less(POSTGRES, 20, '>= 20x less than one by one'),
    less(REDIS, 1_000, '>= 1,000x less than one by one'),
  ]
}
