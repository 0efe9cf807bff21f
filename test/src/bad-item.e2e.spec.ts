import { fileURLToPath } from 'node:url'
import type { ErasureRequestView, LetheClient } from '@lethe/client'
import { search } from '@lethe/eraser-kit/conformance'
import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'
import { run } from './harness/run.js'
import { until, untilStatus } from './harness/wait.js'
import { askFor, type CanaryPerson, newCanary, personOf } from './leak/canary.js'
import { addCustomers } from './leak/people.js'
import { everywhere, metricsOf } from './leak/places.js'
import { digestOfOthers, type Footprint, footprint, sizeOf, whereIs } from './shop/oracle.js'

const MANY = 1_000
/** Longest wait for all of them, in milliseconds: a machine that does much else needs minutes. */
const PATIENCE = 280_000
const canary = newCanary()
const sinceMs = Date.now()
/** A row outside the data map points to this customer. */
const disputed = personOf(canary, 'disputed')
const customer = (n: number): CanaryPerson => ({
  tenantId: 'acme',
  userId: `u${n}`,
  email: `customer${n}@example.com`,
  phone: '',
  stripe: `cus_${n}`,
})
/** Not the two who stand in each other's comments: u77 and u770. */
const crowd = Array.from({ length: MANY + 2 }, (_, n) => customer(n + 1)).filter(
  ({ userId }) => !/^u770?$/.test(userId),
)

let chain: Chain
let client: LetheClient

/** A table that came after the data map, which the probe may read and the eraser may not. */
const disputes = `CREATE TABLE disputes (id int PRIMARY KEY, customer text NOT NULL REFERENCES users (id), claim text);
  GRANT SELECT ON disputes TO shop_probe`
const sql = (text: string, values: unknown[] = []) =>
  withClient(chain.pgUrl, (shop) => shop.query({ text, values }))

beforeAll(async () => {
  chain = await Chain.start({ shop: { customers: MANY + 60 } })
  client = chain.client()
  await addCustomers(chain, [disputed])
  await sql(disputes)
  await sql('INSERT INTO disputes VALUES (1, $1, $2)', [disputed.userId, 'a claim'])
})
afterAll(async () => {
  await chain?.stop()
})

/** Everybody is asked for at once, forty calls under way at a time. */
async function askForAll(people: readonly CanaryPerson[]): Promise<Map<CanaryPerson, string>> {
  const ids = new Map<CanaryPerson, string>()
  const waiting = [...people]
  const ask = async () => {
    for (let person = waiting.pop(); person; person = waiting.pop())
      ids.set(person, (await client.request(askFor(person, ['user_id']))).requestId)
  }
  await Promise.all(Array.from({ length: 40 }, ask))
  return ids
}

/** How many of the requests have each status, from the read model. */
async function statuses(ids: readonly string[]): Promise<Record<string, number>> {
  return withClient(chain.letheUrl, async (lethe) => {
    const { rows } = await lethe.query<{ status: string; n: number }>(
      'SELECT status, count(*)::int AS n FROM read_model.requests WHERE request_id = ANY ($1::text[]) GROUP BY status',
      [ids],
    )
    return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
  })
}
const settled = (seen: Record<string, number>, all: number) =>
  (seen.COMPLETED ?? 0) + (seen.FAILED ?? 0) + (seen.PARTIALLY_COMPLETED ?? 0) === all
const untilSettled = (ids: readonly string[]) =>
  until(
    'an end of every request',
    () => statuses(ids),
    (seen) => settled(seen, ids.length),
    PATIENCE,
  )

const left = (person: CanaryPerson) => footprint(chain.pgUrl, chain.redisUrl, person)
const together = (traces: readonly Footprint[]): Footprint => ({
  rows: Object.fromEntries(
    Object.keys(traces[0]?.rows ?? {}).map((table) => [
      table,
      traces.flatMap(({ rows }) => rows[table] ?? []),
    ]),
  ),
  keys: traces.flatMap(({ keys }) => keys),
})

/** Where the people are, by plain SQL over all of them at once. */
async function trace(people: readonly CanaryPerson[]): Promise<Footprint> {
  const ids = people.map(({ userId }) => userId)
  const rows: Record<string, string[]> = {}
  for (const [table, key, mine] of [
    ['users', 'id', 'id = ANY ($1)'],
    ['preferences', 'user_id', 'user_id = ANY ($1)'],
    ...['sessions', 'notifications', 'activity_logs', 'orders', 'comments'].map((name) => [
      name,
      'id::text',
      'user_id = ANY ($1)',
    ]),
  ] as const)
    rows[table as string] = (await sql(`SELECT ${key} AS key FROM ${table} WHERE ${mine}`, [ids])).rows.map(
      ({ key: one }) => one,
    )
  const addresses = people.map(({ tenantId, email }) => `${tenantId}/${email}`)
  const news = await sql(
    `SELECT tenant_id || '/' || email AS key FROM newsletter WHERE tenant_id || '/' || email = ANY ($1)`,
    [addresses],
  )
  rows.newsletter = news.rows.map(({ key }) => key)
  const keys = ids.flatMap((id) => [
    ...['profile', 'cart', 'settings'].map((name) => `tenant:acme:user:${id}:${name}`),
    `tenant:acme:session:${id}:web`,
    `tenant:acme:cache:user:${id}`,
  ])
  return { rows, keys }
}

describe('one person whose row can not be deleted', { timeout: PATIENCE + 20_000 }, () => {
  let ids: Map<CanaryPerson, string>
  let everyone: Footprint
  let others: string
  let failed: ErasureRequestView
  const idOf = (person: CanaryPerson) => ids.get(person) as string

  it(`does not keep ${MANY} others from being erased`, async () => {
    everyone = together([await trace([...crowd, disputed])])
    others = await digestOfOthers(chain.pgUrl, chain.redisUrl, everyone)
    ids = await askForAll([disputed, ...crowd])
    expect(await untilSettled([...ids.values()])).toEqual({ COMPLETED: crowd.length, FAILED: 1 })
    expect(crowd).toHaveLength(MANY)
    const rest = await trace(crowd)
    expect(Object.values(rest.rows).flat()).toEqual([])
    for (const person of [crowd[0], crowd.at(-1)] as CanaryPerson[]) {
      expect(sizeOf(await left(person))).toBe(0)
      const values = [person.userId, person.email, person.stripe]
      expect(Object.values(await whereIs(chain.pgUrl, 'acme', values)).every((n) => n === 0)).toBe(true)
    }
    expect(await digestOfOthers(chain.pgUrl, chain.redisUrl, everyone)).toBe(others)
  })

  it('is FAILED with an owner, the cause and what to do, and has every row still', async () => {
    failed = await client.get(idOf(disputed))
    expect(failed).toMatchObject({
      status: 'FAILED',
      owner: 'operator',
      nextStep: 'resolve_cause_then_retry',
      attention: {
        code: 'referenced_elsewhere',
        systemId: 'shop-pg',
        advice: expect.stringContaining('A row outside the data map points to a row of this person.'),
      },
    })
    const step = failed.steps.find(({ stepId }) => stepId === 'shop-pg#1')
    expect(step).toMatchObject({ status: 'FAILED', outcome: 'failed', errorCode: 'referenced_elsewhere' })
    const counts = Object.values(step?.counts ?? {})
    expect(counts.every(({ erased, redacted }) => erased + redacted === 0)).toBe(true)
    const { rows, keys } = await left(disputed)
    expect(counts.reduce((sum, { failed: n }) => sum + n, 0)).toBe(Object.values(rows).flat().length)
    expect(keys).toEqual([])
    const shown = await lethe(['show', idOf(disputed)])
    expect(shown.out).toContain(
      'waits for operator: resolve_cause_then_retry (referenced_elsewhere in shop-pg)',
    )
    expect(shown.out).toContain('map its table (lethe map check names the constraint), then retry')
  })

  it('is named in no topic, log, metric or table', async () => {
    const pieces = (await everywhere(chain, metricsOf(chain), sinceMs)).filter(({ place }) =>
      ['kafka', 'log', 'metrics', 'table'].includes(place),
    )
    expect(new Set(pieces.map(({ place }) => place)).size).toBe(4)
    const hits = pieces.flatMap(({ place, name, bytes }) =>
      search(bytes, canary).map(({ form }) => `${place} ${name}: ${form}`),
    )
    expect(hits).toEqual([])
    // The same search finds the person where they do stand.
    const { rows } = await sql('SELECT d::text AS text FROM disputes d')
    expect(search(Buffer.from(rows[0].text), canary)).not.toEqual([])
  })

  it('is pointed out by a check of the map, with the constraint', async () => {
    await sql('GRANT SELECT ON disputes TO shop_eraser')
    const errors = async () =>
      (await client.checkMap()).systems['shop-pg']?.findings.flatMap(({ level, code, where, message }) =>
        level === 'error' ? [`${code} ${where} ${message}`] : [],
      )
    expect((await errors())?.join()).toContain('disputes_customer_fkey')
    // A probe that can't read it would keep everybody's request from completing.
    await sql('REVOKE SELECT ON disputes FROM shop_probe')
    expect((await errors())?.join()).toContain('unreadable_table public.disputes')
    await sql('GRANT SELECT ON disputes TO shop_probe')
    expect((await errors())?.join()).not.toContain('unreadable_table')
  })

  it('completes when the row is gone and the system is retried', async () => {
    const args = ['retry', idOf(disputed), '--system', 'shop-pg']
    await lethe(args)
    const again = await until(
      'the retry to fail as before',
      () => client.get(idOf(disputed)),
      ({ status, steps }) =>
        status === 'FAILED' && steps.some(({ passId }) => passId === 'shop-pg#1/retry-1'),
    )
    expect(again.attention?.code).toBe('referenced_elsewhere')
    await sql('DELETE FROM disputes')
    const retried = await lethe(args)
    expect(retried.code).toBe(0)
    const done = await untilStatus(client, idOf(disputed), ['COMPLETED', 'FAILED'])
    expect(done.status).toBe('COMPLETED')
    const counts = Object.values(done.steps.find(({ stepId }) => stepId === 'shop-pg#1')?.counts ?? {})
    const sum = (name: 'found' | 'erased' | 'redacted' | 'failed') =>
      counts.reduce((all, one) => all + one[name], 0)
    expect({
      found: sum('found'),
      erased: sum('erased'),
      redacted: sum('redacted'),
      failed: sum('failed'),
    }).toEqual({
      found: 8,
      erased: 5,
      redacted: 3,
      failed: 0,
    })
    expect(sizeOf(await left(disputed))).toBe(0)
    expect(await digestOfOthers(chain.pgUrl, chain.redisUrl, everyone)).toBe(others)
  })

  it('would be seen to take others with them, if one failure failed the batch', async () => {
    const few = Array.from({ length: 20 }, (_, n) => customer(MANY + 20 + n))
    const held = few[10] as CanaryPerson
    const spoiled = fileURLToPath(new URL('../dist/harness/all-or-nothing-eraser.js', import.meta.url))
    // An eraser is not ready while a table is missing from its map, so the table comes after it.
    await sql('DROP TABLE disputes')
    await chain.exchange('eraser-shop-pg', spoiled)
    chain.signal('eraser-shop-pg', 'SIGSTOP')
    const asked = await askForAll(few)
    await sql(disputes)
    await sql('INSERT INTO disputes VALUES (2, $1, $2)', [held.userId, 'another claim'])
    await until(
      'every request to reach the shop',
      async () => Promise.all([...asked.values()].map((id) => client.get(id))),
      (views) =>
        views.every(({ steps }) =>
          steps.some(({ stepId, requestedAt }) => stepId === 'shop-pg#1' && requestedAt !== null),
        ),
    )
    chain.signal('eraser-shop-pg', 'SIGCONT')
    const end = await untilSettled([...asked.values()])
    expect(end.FAILED).toBeGreaterThan(1)
    expect(end).not.toEqual({ COMPLETED: few.length - 1, FAILED: 1 })
  })
})

function lethe(args: string[]) {
  const { at, secrets } = chain.context
  return run('packages/cli/bin/lethe.mjs', args, {
    LETHE_REQUEST_URL: at.requestUrl,
    LETHE_TOKEN: secrets.token('operator'),
  })
}
