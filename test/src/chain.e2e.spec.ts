import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ErasureRequestView, LetheClient, NewErasureRequest } from '@lethe/client'
import { rebuild } from '@lethe/request-log'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain, type ProcessName } from './harness/chain.js'
import { run } from './harness/run.js'
import { withRedis } from './harness/stores.js'
import { until, untilStatus, untilStep } from './harness/wait.js'
import { openCopy } from './shop/copy.js'
import { digestOfOthers, footprint, type Person, sizeOf, whereIs } from './shop/oracle.js'
import { ada, keysOf, lookAlike } from './shop/seed.js'

const customer = (n: number): Person & { stripe: string } => ({
  tenantId: 'acme',
  userId: `u${n}`,
  email: `customer${n}@example.com`,
  stripe: `cus_${n}`,
})

const request = (person: Person, by: 'email' | 'user_id'): NewErasureRequest => ({
  tenantId: person.tenantId,
  identifiers: [
    by === 'email' ? { type: 'email', value: person.email } : { type: 'user_id', value: person.userId },
  ],
  requesterRole: 'self',
  identity: { method: 'signed_in_session' },
  graceDays: 0,
})

/** Counts of a step over all its collections. */
function counted(view: ErasureRequestView, stepId: string): { erased: number; redacted: number } {
  const counts = Object.values(view.steps.find((step) => step.stepId === stepId)?.counts ?? {})
  return {
    erased: counts.reduce((sum, one) => sum + one.erased, 0),
    redacted: counts.reduce((sum, one) => sum + one.redacted, 0),
  }
}

const reached =
  (moment: Moment) =>
  (status: string): boolean => {
    if (moment === 'accepted') return true
    if (moment === 'being probed') return status === 'AWAITING_VERIFICATION'
    return status !== 'PENDING' && status !== 'SCHEDULED'
  }

/** What a correct erasure of any seeded customer counts. */
const trueCounts = { 'cache#1': { erased: 5, redacted: 0 }, 'shop-pg#1': { erased: 6, redacted: 5 } }

/** As their logs and metrics call them. */
const everyService = [
  'request',
  'aggregator',
  'restore',
  'ops',
  'erase.shop-pg',
  'probe.shop-pg',
  'erase.cache',
  'probe.cache',
]

type Moment = 'accepted' | 'under way' | 'being probed'

/** Both ways of running Lethe, and who is killed when. */
const modes: readonly {
  readonly mode: string
  readonly oneProcess: boolean
  readonly victims: readonly (readonly [ProcessName, Moment])[]
}[] = [
  {
    mode: 'a process per service',
    oneProcess: false,
    victims: [
      ['request', 'accepted'],
      ['aggregator', 'under way'],
      ['eraser-shop-pg', 'under way'],
      ['eraser-cache', 'under way'],
      ['probe-shop-pg', 'under way'],
      ['probe-cache', 'under way'],
    ],
  },
  {
    mode: 'one process',
    oneProcess: true,
    victims: [
      ['one-process', 'under way'],
      ['one-process', 'being probed'],
    ],
  },
]

describe.each(modes)('the chain, $mode', ({ oneProcess, victims }) => {
  let chain: Chain
  let client: LetheClient

  beforeAll(async () => {
    chain = await Chain.start({ oneProcess, restore: oneProcess, ops: oneProcess })
    client = chain.client()
  })

  afterAll(async () => {
    await chain?.stop()
  })

  async function expectGone(person: Person & { stripe: string }): Promise<void> {
    const left = await whereIs(chain.pgUrl, person.tenantId, [person.userId, person.email, person.stripe])
    expect(
      Object.values(left).reduce((sum, n) => sum + n, 0),
      JSON.stringify(left),
    ).toBe(0)
    expect(sizeOf(await footprint(chain.pgUrl, chain.redisUrl, person))).toBe(0)
  }

  it('erases a person named by e-mail from every system, and nobody else', async () => {
    const before = await footprint(chain.pgUrl, chain.redisUrl, ada)
    const others = await digestOfOthers(chain.pgUrl, chain.redisUrl, before)
    expect(sizeOf(before)).toBe(16)

    const { requestId } = await client.request(request(ada, 'email'))
    const done = await untilStatus(client, requestId, ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED'])

    expect(done.status).toBe('COMPLETED')
    for (const [stepId, counts] of Object.entries(trueCounts)) expect(counted(done, stepId)).toEqual(counts)
    await expectGone(ada)
    expect(await digestOfOthers(chain.pgUrl, chain.redisUrl, before)).toBe(others)
    expect(sizeOf(await footprint(chain.pgUrl, chain.redisUrl, lookAlike))).toBe(17)
    const { items } = await client.verification(requestId)
    expect(items.map(({ result }) => result)).toEqual(['clean', 'clean'])
  })

  it('finds the same person by e-mail and by user id', async () => {
    const person = customer(10)
    const preview = (by: 'email' | 'user_id') =>
      client.preview({ tenantId: person.tenantId, identifiers: request(person, by).identifiers })
    expect((await preview('email')).systems).toEqual((await preview('user_id')).systems)

    const first = await client.request({ ...request(person, 'email'), graceDays: 7 })
    await expect(client.request(request(person, 'user_id'))).rejects.toMatchObject({
      code: 'duplicate_request',
      status: 409,
    })
    await client.command(first.requestId, 'cancel')
    const { requestId } = await client.request(request(person, 'user_id'))
    expect((await untilStatus(client, requestId, ['COMPLETED', 'FAILED'])).status).toBe('COMPLETED')
    await expectGone(person)
  })

  // Only this mode runs the restore service.
  it.runIf(oneProcess)(
    'applies every tombstone to a copy that is not in use, and leaves nobody erased in it',
    async () => {
      const copy = await openCopy(chain.pgUrl)
      const { at, secrets, state } = chain.context
      const apply = (url: string, ...args: string[]) =>
        run('packages/cli/bin/lethe.mjs', ['restore', 'apply', '--system', 'shop-pg', ...args], {
          LETHE_RESTORE_URL: `http://127.0.0.1:${at.ports.restore}`,
          LETHE_TOKEN: secrets.token('operator'),
          LETHE_STATE: state.path,
          LETHE_COPY_URL: url,
        })
      const erased = [ada, customer(10)].flatMap(({ userId, email, stripe }) => [userId, email, stripe])
      const inCopy = async () =>
        Object.values(await whereIs(copy.url, 'acme', erased)).reduce((sum, n) => sum + n, 0)
      try {
        const everything = ['--tables', copy.tables.join(',')]
        const looked = await apply(copy.url, ...everything, '--dry-run')
        expect(looked).toMatchObject({ code: 5, out: expect.stringMatching(/still found in users +2/) })
        const before = await inCopy()
        expect(before).toBeGreaterThan(0)
        const done = await apply(copy.url, ...everything)
        expect(done).toMatchObject({ code: 0, out: expect.stringContaining('clean: nobody'), err: '' })
        expect(done.out).toMatch(/erased +2/)
        expect(await inCopy()).toBe(0)
        for (const value of erased) expect(done.out + looked.out).not.toContain(value)
        expect(await apply(copy.url)).toMatchObject({
          code: 5,
          out: expect.stringContaining('marker_unknown'),
        })
        expect(await apply(chain.pgUrl)).toMatchObject({ code: 3, err: expect.stringContaining('in use') })
      } finally {
        await copy.drop()
      }
    },
  )

  it('makes one request per idempotency key', async () => {
    const key = randomUUID()
    const input = { ...request(customer(11), 'email'), graceDays: 7 }
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.request(input, key)))
    expect(new Set(answers.map(({ requestId }) => requestId)).size).toBe(1)
  })

  it('erases a cache key that was written back between the two cache steps', async () => {
    const person = customer(12)
    const locking = new pg.Client({ connectionString: chain.pgUrl })
    await locking.connect()
    let requestId: string
    try {
      // The step between the two waits for this row.
      await locking.query('BEGIN')
      await locking.query('SELECT FROM preferences WHERE user_id = $1 FOR UPDATE', [person.userId])
      requestId = (await client.request(request(person, 'user_id'))).requestId
      await untilStep(client, requestId, 'cache#1', ['COMPLETED'])
      await withRedis(chain.redisUrl, (redis) =>
        redis.set(keysOf('acme', person.userId)[0] as string, 'written back'),
      )
    } finally {
      await locking.end()
    }
    const done = await untilStatus(client, requestId, ['COMPLETED', 'FAILED'])
    expect(done.status).toBe('COMPLETED')
    expect(counted(done, 'cache#2').erased).toBe(1)
    await expectGone(person)
  })

  // Needs an eraser that hangs while `request` answers; one process hangs as a whole.
  it.skipIf(oneProcess)(
    'erases nothing of a person while a hold is in force, and goes on after it',
    async () => {
      const person = customer(13)
      chain.signal('eraser-cache', 'SIGSTOP')
      let requestId: string
      try {
        requestId = (await client.request(request(person, 'user_id'))).requestId
        const held = await client.command<{ effectiveAt: number }>(requestId, 'hold', {
          reason: 'a court order',
        })
        expect(held.effectiveAt).toBeGreaterThan(0)
      } finally {
        chain.signal('eraser-cache', 'SIGCONT')
      }
      await untilStatus(client, requestId, ['ON_HOLD'])
      // Another person's erasure, asked for later, passes by: the held one was offered and not taken.
      const other = await client.request(request(customer(14), 'user_id'))
      await untilStatus(client, other.requestId, ['COMPLETED'])
      expect(sizeOf(await footprint(chain.pgUrl, chain.redisUrl, person))).toBe(16)
      await client.command(requestId, 'release')
      expect((await untilStatus(client, requestId, ['COMPLETED', 'FAILED'])).status).toBe('COMPLETED')
      await expectGone(person)
    },
  )

  it('erases nothing after the effective time of a hold that met an erasure under way', async () => {
    const person = customer(15)
    const locking = new pg.Client({ connectionString: chain.pgUrl })
    await locking.connect()
    try {
      // The eraser gets its grant and then waits for this lock.
      await locking.query('BEGIN')
      await locking.query('SELECT FROM preferences WHERE user_id = $1 FOR UPDATE', [person.userId])
      const { requestId } = await client.request(request(person, 'user_id'))
      await until(
        'a grant for the record store',
        () => client.events(requestId),
        ({ items }) => items.some(({ type, data }) => type === 'GrantIssued' && data.systemId === 'shop-pg'),
      )
      const held = await client.command<{ effectiveAt: number }>(requestId, 'hold')
      expect(held.effectiveAt).toBeGreaterThan(Date.now())
      await until(
        'the hold to be effective',
        async () => Date.now(),
        (now) => now > held.effectiveAt,
      )
      await locking.query('ROLLBACK')
      const rows = async () =>
        Object.values((await footprint(chain.pgUrl, chain.redisUrl, person)).rows).flat().length
      expect(await rows()).toBe(11)
      // Someone else's erasure in the same store passes by meanwhile; the held one still has every row.
      const other = await client.request(request(customer(16), 'user_id'))
      await untilStatus(client, other.requestId, ['COMPLETED'])
      expect(await rows()).toBe(11)
      await client.command(requestId, 'release')
      expect((await untilStatus(client, requestId, ['COMPLETED', 'FAILED'])).status).toBe('COMPLETED')
      await expectGone(person)
    } finally {
      await locking.end()
    }
  })

  it.each(victims.map(([name, moment], index) => [name, moment, index] as const))(
    'survives kill -9 of %s in the middle of requests (%s), with the true counts',
    async (name, moment, index) => {
      const people = Array.from({ length: 20 }, (_, n) => customer(100 + index * 20 + n))
      const ids = await Promise.all(
        people.map((person) => client.request(request(person, 'email')).then((view) => view.requestId)),
      )
      const statuses = async () =>
        (await Promise.all(ids.map((id) => client.get(id)))).map((view) => view.status)
      await until(`requests that are ${moment}`, statuses, (seen) => seen.some(reached(moment)))
      await chain.crash(name)
      await chain.restart(name)
      const done = await Promise.all(
        ids.map((id) => untilStatus(client, id, ['COMPLETED', 'FAILED', 'PARTIALLY_COMPLETED'], 150_000)),
      )
      expect(done.map((view) => view.status)).toEqual(ids.map(() => 'COMPLETED'))
      for (const view of done) {
        for (const [stepId, counts] of Object.entries(trueCounts))
          expect(counted(view, stepId), `${view.requestId} ${stepId}`).toEqual(counts)
      }
      for (const person of people.slice(0, 3)) await expectGone(person)
    },
  )

  it('takes a request that another service publishes, and shows it the milestones', async () => {
    const { at, secrets } = chain.context
    const { code, out } = await run(
      'examples/intake-publisher/dist/main.js',
      ['acme', 'u50', 'close-account-50'],
      {
        LETHE_REQUEST_URL: at.requestUrl,
        LETHE_TOKEN: secrets.token('shop-backend'),
        LETHE_KAFKA: at.brokers.join(','),
        LETHE_REGISTRY_URL: at.registryUrl,
        LETHE_TOPIC_PREFIX: chain.topicPrefix,
      },
    )
    expect(out.split('\n').filter(Boolean)).toEqual(['published', 'accepted', 'live_erased', 'completed'])
    expect(code).toBe(0)
    await expectGone(customer(50))
  })

  it.runIf(oneProcess)('answers on one port for every service of the process, each by its name', async () => {
    const url = `http://127.0.0.1:${chain.context.at.ports.oneProcess}`
    const { checks } = (await (await fetch(`${url}/readyz`)).json()) as { checks: Record<string, string> }
    expect(checks).toEqual(Object.fromEntries(everyService.map((name) => [name, 'ok'])))

    const metrics = await (await fetch(`${url}/metrics`)).text()
    const labelled = (name: string) =>
      new Set([...metrics.matchAll(new RegExp(`^${name}\\{.*service="([^"]+)"`, 'gm'))].map(([, who]) => who))
    const consumers = everyService.filter((name) => name !== 'ops')
    expect(labelled('lethe_messaging_lag_unknown')).toEqual(new Set(consumers))
    expect(labelled('lethe_eraser_store_usable')).toEqual(
      new Set(everyService.filter((name) => name.includes('.'))),
    )
    expect(labelled('process_cpu_seconds_total')).toEqual(new Set(['one-process']))

    const lines = readFileSync(chain.logFile('one-process'), 'utf8').split('\n')
    const told = lines.filter((line) => line.startsWith('{'))
    const names = new Set(told.map((line) => (JSON.parse(line) as { service: string }).service))
    expect(names).toEqual(new Set([...everyService, 'one-process']))
  })

  it.runIf(oneProcess)(
    'stops those that ask before those that answer, and goes on when it is back',
    async () => {
      const people = Array.from({ length: 20 }, (_, n) => customer(300 + n))
      const ids = await Promise.all(
        people.map((person) => client.request(request(person, 'user_id')).then((view) => view.requestId)),
      )
      await untilStatus(client, ids[0] as string, ['IN_PROGRESS', 'AWAITING_VERIFICATION', 'COMPLETED'])
      const file = chain.logFile('one-process')
      await chain.stopOne('one-process')
      const stopped = [...readFileSync(file, 'utf8').matchAll(/"stopped":"([^"]+)"/g)].map(([, name]) => name)
      expect([...stopped].sort()).toEqual([...everyService].sort())
      expect(stopped.slice(0, 4).every((name) => name?.includes('.'))).toBe(true)
      expect(stopped.at(-1)).toBe('request')

      await chain.restart('one-process')
      const done = await Promise.all(
        ids.map((id) => untilStatus(client, id, ['COMPLETED', 'FAILED'], 150_000)),
      )
      for (const view of done) {
        expect(view.status).toBe('COMPLETED')
        for (const [stepId, counts] of Object.entries(trueCounts))
          expect(counted(view, stepId)).toEqual(counts)
      }
    },
  )

  it('shows read models that are what the log says, byte for byte', async () => {
    const pool = new pg.Pool({ connectionString: chain.letheUrl, max: 2 })
    try {
      const report = await rebuild(pool)
      expect(report.problems).toEqual([])
      expect(report.differences).toEqual([])
      expect(report.streams).toBeGreaterThan(victims.length * 20)
    } finally {
      await pool.end()
    }
  })
})
