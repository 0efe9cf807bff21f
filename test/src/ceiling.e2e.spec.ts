import { fileURLToPath } from 'node:url'
import type { CollectionCountsView, ErasureRequestView, LetheClient, NewErasureRequest } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type CeilingStand,
  ceilings,
  counted,
  customer,
  forgetInCache,
  giveMore,
  openCeilingStand,
} from './ceiling/stand.js'
import { run } from './harness/run.js'
import { withRedis } from './harness/stores.js'
import { untilStatus } from './harness/wait.js'
import { digestOfAll, digestOfOthers, type Footprint, footprint, type Person, sizeOf } from './shop/oracle.js'
import { ada } from './shop/seed.js'

let stand: CeilingStand

beforeAll(async () => {
  stand = await openCeilingStand()
})
afterAll(async () => {
  await stand?.chain.stop()
})

const program = (name: string) => fileURLToPath(new URL(`../dist/harness/${name}.js`, import.meta.url))
const everything = () => digestOfAll(stand.chain.pgUrl, stand.chain.redisUrl)
const left = (person: Person) => footprint(stand.chain.pgUrl, stand.chain.redisUrl, person)
const ask = ({ tenantId, userId }: Person, more: Partial<NewErasureRequest> = {}): NewErasureRequest => ({
  tenantId,
  identifiers: [{ type: 'user_id', value: userId }],
  requesterRole: 'self',
  identity: { method: 'signed_in_session' },
  graceDays: 0,
  ...more,
})
const found = (counts: CollectionCountsView | undefined) =>
  Object.fromEntries(Object.entries(counts ?? {}).map(([name, one]) => [name, one.found]))
const total = (counts: Record<string, number> | undefined) =>
  Object.values(counts ?? {}).reduce((sum, n) => sum + n, 0)
const lethe = (args: string[], credential = 'operator') => {
  const { at, secrets } = stand.chain.context
  return run('packages/cli/bin/lethe.mjs', args, {
    LETHE_REQUEST_URL: at.requestUrl,
    LETHE_TOKEN: secrets.token(credential),
  })
}

describe('a preview', () => {
  const heavy = customer(200)

  it('counts what plain SQL and SCAN count, per system and table, and changes nothing', async () => {
    const { chain, operator } = stand
    await giveMore(chain, heavy, { sessions: 20, invoices: 5, mentions: 10, keys: 10 })
    const before = await everything()
    for (const person of [heavy, customer(201), ada]) {
      const { tenantId, identifiers } = ask(person)
      const preview = await operator.preview({ tenantId, identifiers })
      const truth = await counted(chain, person)
      expect(found(preview.systems['shop-pg'])).toEqual(truth['shop-pg'])
      expect(found(preview.systems.cache)).toEqual(truth.cache)
      expect(preview).toMatchObject({ people: 1, unknown: [] })
      expect(preview.overCeiling).toEqual(person === heavy ? ['cache', 'shop-pg'] : [])
      expect(preview.plan.steps.map(({ stepId }) => stepId)).toEqual(['cache#1', 'shop-pg#1', 'cache#2'])
    }
    expect(await everything()).toBe(before)
  })

  it('of nobody says so, in zeros and in words', async () => {
    const preview = await stand.operator.preview({
      tenantId: 'acme',
      identifiers: [{ type: 'email', value: 'nobody@example.com' }],
    })
    expect(preview).toMatchObject({ people: 0, unknown: [], overCeiling: [] })
    expect(total(found(preview.systems['shop-pg'])) + total(found(preview.systems.cache))).toBe(0)
    const words = await lethe(['preview', '-t', 'acme', '--email', 'nobody@example.com'])
    expect(words.out).toContain('Nobody was found by these identifiers.')
    expect(words.out).toContain('Nothing is held in the mapped systems.')
    expect(words.code).toBe(0)
  })

  it('as a dry run shows the plan and the counts, and sends nothing', async () => {
    const before = await everything()
    const args = ['request', '-t', 'acme', '--user-id', heavy.userId, '--dry-run']
    const words = await lethe(args)
    expect(words).toMatchObject({ code: 0, err: '' })
    expect(words.out).toMatch(/1\. cache#1 +at once\n +2\. shop-pg#1 +after cache#1\n +3\. cache#2/)
    expect(words.out).toMatch(/shop-pg +sessions +22/)
    expect(words.out).toMatch(/shop-pg: over its ceiling. A second approver/)
    const json = JSON.parse((await lethe([...args, '--json'])).out)
    expect(json).toMatchObject({ dryRun: true, people: 1, overCeiling: ['cache', 'shop-pg'] })
    expect(json.plan.steps).toHaveLength(3)
    expect((await stand.operator.list()).items).toEqual([])
    expect(await everything()).toBe(before)
  })

  it('calls a system unknown whose probe is down, never zero', async () => {
    const { chain, operator } = stand
    const { tenantId, identifiers } = ask(heavy)
    await chain.stopOne('probe-cache')
    try {
      const preview = await operator.preview({ tenantId, identifiers })
      expect(preview).toMatchObject({ people: 1, unknown: ['cache'] })
      expect(Object.keys(preview.systems)).toEqual(['shop-pg'])
      const words = await lethe(['preview', '-t', 'acme', '--user-id', heavy.userId])
      expect(words.code).toBe(1)
      expect(words.out).toContain('cache: unknown, its probe does not answer')
      expect(words.out).not.toMatch(/cache +tenant/)
    } finally {
      await chain.restart('probe-cache')
    }
    await chain.stopOne('probe-shop-pg')
    try {
      const preview = await operator.preview({ tenantId, identifiers })
      expect(preview).toMatchObject({ people: null, systems: {}, unknown: ['cache', 'shop-pg'] })
    } finally {
      await chain.restart('probe-shop-pg')
    }
  })

  it('would be caught at a wrong count, and at one changed row or key', async () => {
    const { chain, operator } = stand
    const { tenantId, identifiers } = ask(customer(202))
    const preview = await operator.preview({ tenantId, identifiers })
    const before = await everything()
    await giveMore(chain, customer(202), { invoices: 1 })
    expect(found(preview.systems['shop-pg'])).not.toEqual((await counted(chain, customer(202)))['shop-pg'])
    const after = await everything()
    expect(after).not.toBe(before)
    await withRedis(chain.redisUrl, (redis) => redis.set('tenant:acme:cache:user:u203', 'changed'))
    expect(await everything()).not.toBe(after)
  })
})

describe('a pass over its ceiling', () => {
  /** More keys than the ceiling. */
  const keys = customer(300)
  /** More rows than the ceiling, in redacted and deleted tables together only; nothing in the cache. */
  const rows = customer(301)
  let byKeys: string
  let byRows: string
  let before: string
  let truth: Record<string, Record<string, number>>

  const awaiting = (id: string) =>
    untilStatus(stand.officer, id, ['AWAITING_APPROVAL', 'COMPLETED', 'FAILED'])

  it('is one over all tables together, detached rows and masked mentions included', async () => {
    const { chain, officer, second } = stand
    const person = customer(302)
    await giveMore(chain, person, { invoices: 13, mentions: 16 })
    await forgetInCache(chain, person)
    const unchanged = await everything()
    const wanted = await counted(chain, person)
    expect(total(wanted['shop-pg'])).toBe(ceilings['shop-pg'] + 1)
    const { requestId } = await officer.request(ask(person))
    const waiting = await awaiting(requestId)
    expect(waiting.overCeiling).toMatchObject({ passId: 'shop-pg#1/initial', found: 41 })
    expect(found(waiting.overCeiling?.counts)).toEqual(wanted['shop-pg'])
    expect(await everything()).toBe(unchanged)

    await second.command(requestId, 'approve')
    const done = await untilStatus(officer, requestId, ['COMPLETED', 'FAILED'])
    expect(done.status).toBe('COMPLETED')
    expect(tally(done, 'shop-pg#1')).toEqual({ found: 41, erased: 6, redacted: 35, failed: 0 })
    expect(total((await counted(chain, person))['shop-pg'])).toBe(0)
    const { rows: texts } = await withClient(chain.pgUrl, (client) =>
      client.query(`SELECT DISTINCT body FROM comments WHERE body LIKE '%@deleted%'`),
    )
    expect(texts).toEqual([{ body: 'I agree with @deleted here.' }])
  })

  it('changes nothing and waits, and does not delay the others of its batch', async () => {
    const { chain, officer, admin } = stand
    await giveMore(chain, keys, { keys: 10 })
    await giveMore(chain, rows, { sessions: 15, orders: 15 })
    await forgetInCache(chain, rows)
    const others = Array.from({ length: 20 }, (_, n) => customer(310 + n))
    const theirs = await Promise.all(others.map(left))
    before = await digestWithout(theirs)
    truth = await counted(chain, keys)
    const needed = { approval: 'required' } as const
    const [first, second] = await Promise.all([
      officer.request(ask(keys, needed)),
      officer.request(ask(rows)),
    ])
    byKeys = first.requestId
    byRows = second.requestId
    const ids = await Promise.all(others.map((person) => officer.request(ask(person))))
    await admin.command(byKeys, 'approve')
    const ends = await Promise.all(
      ids.map(({ requestId }) => untilStatus(officer, requestId, ['COMPLETED', 'FAILED'])),
    )
    expect(ends.map(({ status }) => status)).toEqual(ids.map(() => 'COMPLETED'))

    const waiting = await awaiting(byKeys)
    expect(waiting).toMatchObject({
      status: 'AWAITING_APPROVAL',
      attention: {
        owner: 'privacy_officer',
        nextStep: 'approve_or_refuse',
        code: 'over_ceiling',
        systemId: 'cache',
      },
      overCeiling: { systemId: 'cache', passId: 'cache#1/initial', ceiling: ceilings.cache, found: 15 },
    })
    expect(found(waiting.overCeiling?.counts)).toEqual(truth.cache)
    const other = await awaiting(byRows)
    expect(other).toMatchObject({
      status: 'AWAITING_APPROVAL',
      overCeiling: {
        systemId: 'shop-pg',
        passId: 'shop-pg#1/initial',
        ceiling: ceilings['shop-pg'],
        found: 42,
      },
    })
    expect(found(other.overCeiling?.counts)).toEqual((await counted(chain, rows))['shop-pg'])
    expect(await digestWithout(theirs)).toBe(before)
    // From here on nothing else is under way.
    before = await everything()
  })

  it('is shown with its system, pass and counts per table', async () => {
    const { out } = await lethe(['show', byRows])
    expect(out).toContain('waits for privacy_officer: approve_or_refuse (over_ceiling in shop-pg)')
    expect(out).toContain('shop-pg#1/initial would touch 42, its ceiling is 40; nothing was changed:')
    expect(out).toMatch(/public\.orders|orders +17/)
    expect(out).toContain('a second person approves')
  })

  it('is not approved by who asked, who approved before, another role or another tenant', async () => {
    const refusals: [LetheClient, string, number, RegExp][] = [
      [stand.officer, 'second_approval_needed', 403, /who requested an erasure cannot approve it/],
      [stand.admin, 'second_approval_needed', 403, /who approved the request cannot lift its ceiling/],
      [stand.operator, 'forbidden', 403, /None of your credential's roles may approve/],
      [stand.chain.client('shop-backend'), 'forbidden', 403, /roles may approve/],
      [stand.chain.client('eraser-cache'), 'forbidden', 403, /roles may approve/],
      [stand.globex, 'not_found', 404, /no such request among those of your tenants/],
    ]
    for (const [client, code, status, message] of refusals)
      await expect(client.command(byKeys, 'approve'), code).rejects.toMatchObject({
        code,
        status,
        message: expect.stringMatching(message),
      })
    await expect(stand.officer.command(byKeys, 'retry', { systemId: 'cache' })).rejects.toMatchObject({
      code: 'second_approval_needed',
    })
    expect((await stand.officer.get(byKeys)).status).toBe('AWAITING_APPROVAL')
    expect(await everything()).toBe(before)
  })

  it('stays undone when the second approver refuses', async () => {
    const refused = await stand.second.command<ErasureRequestView>(byRows, 'refuse', {
      ground: '12(6)',
      citation: 'Art. 12(6) GDPR: identity in doubt',
    })
    expect(refused.status).toBe('REFUSED')
    await expect(stand.second.command(byRows, 'approve')).rejects.toMatchObject({
      code: 'illegal_transition',
    })
    expect(await everything()).toBe(before)
  })

  it('erases everything once, with the true counts, when a second approver allows it', async () => {
    const { second, officer } = stand
    const trace = await left(keys)
    const others = await digestWithout([trace])
    const answers = await Promise.all([second.command(byKeys, 'approve'), second.command(byKeys, 'approve')])
    expect(answers).toHaveLength(2)
    const done = await untilStatus(officer, byKeys, ['COMPLETED', 'FAILED'])
    expect(done).toMatchObject({ status: 'COMPLETED', overCeiling: null, attention: null })
    expect(tally(done, 'cache#1')).toEqual({ found: 15, erased: 15, redacted: 0, failed: 0 })
    const shop = total(truth['shop-pg'])
    expect(tally(done, 'shop-pg#1')).toEqual({ found: shop, erased: 6, redacted: shop - 6, failed: 0 })
    expect(sizeOf(await left(keys))).toBe(0)
    expect(await digestWithout([trace])).toBe(others)
    const { items } = await officer.events(byKeys)
    const passes = items
      .filter(({ type }) => type === 'PassRequested')
      .map(({ data }) => [data.passId, data.ceilingWaived])
    expect(passes).toEqual([
      ['cache#1/initial', false],
      ['cache#1/retry-1', true],
      ['shop-pg#1/initial', false],
      ['cache#2/initial', false],
    ])
  })

  it('is allowed again at a replay to whom it was allowed, and to nobody else', async () => {
    const { at, secrets } = stand.chain.context
    const response = await fetch(`${at.requestUrl}/v1/tombstones`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secrets.token('restore')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ systemId: 'cache', reason: 'restore-1', limit: 5_000 }),
    })
    const { tombstones } = (await response.json()) as {
      tombstones: { requestId: string; ceilingWaived: boolean }[]
    }
    expect(tombstones.length).toBeGreaterThan(1)
    expect(tombstones.filter(({ ceilingWaived }) => ceilingWaived).map(({ requestId }) => requestId)).toEqual(
      [byKeys],
    )
  })

  it.each([
    ['eraser-cache', 'ceiling-blind-cache-eraser', customer(303), { keys: 10 }],
    ['eraser-shop-pg', 'ceiling-blind-shop-eraser', customer(304), { sessions: 40 }],
  ] as const)('would be seen if %s knew none', async (name, blind, person, more) => {
    const { chain, officer } = stand
    await giveMore(chain, person, more)
    await chain.exchange(name, program(blind))
    try {
      const unchanged = await everything()
      const { requestId } = await officer.request(ask(person))
      const end = await awaiting(requestId)
      expect({
        waits: end.status === 'AWAITING_APPROVAL',
        untouched: (await everything()) === unchanged,
      }).toEqual({
        waits: false,
        untouched: false,
      })
    } finally {
      await chain.exchange(name)
    }
  })
})

/** One digest of everything but what these people have. */
function digestWithout(traces: readonly Footprint[]): Promise<string> {
  const tables = new Set(traces.flatMap(({ rows }) => Object.keys(rows)))
  const rows = Object.fromEntries(
    [...tables].map((table) => [table, traces.flatMap((trace) => trace.rows[table] ?? [])]),
  )
  return digestOfOthers(stand.chain.pgUrl, stand.chain.redisUrl, {
    rows,
    keys: traces.flatMap(({ keys }) => keys),
  })
}

function tally(view: ErasureRequestView, stepId: string) {
  const sum = { found: 0, erased: 0, redacted: 0, failed: 0 }
  for (const one of Object.values(view.steps.find((step) => step.stepId === stepId)?.counts ?? {}))
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += one[name]
  return sum
}
