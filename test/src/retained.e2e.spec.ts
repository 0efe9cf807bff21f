import { fileURLToPath } from 'node:url'
import type { ErasureRequestView, LetheClient } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Chain, ProcessName } from './harness/chain.js'
import { run } from './harness/run.js'
import { untilStatus, until as wait } from './harness/wait.js'
import { give, given, openKeptChain, type Pair } from './kept/stand.js'
import { digestOfOthers, footprint, type Person, sizeOf } from './shop/oracle.js'

const all: readonly ProcessName[] = [
  'request',
  'aggregator',
  'eraser-shop-pg',
  'probe-shop-pg',
  'eraser-cache',
  'probe-cache',
]
const pair = (n: number): Pair => ({ id: `u${n}`, other: `u${n + 1}` })
const person = ({ id }: Pair): Person => ({
  tenantId: 'acme',
  userId: id,
  email: `customer${id.slice(1)}@example.com`,
})

let chain: Chain
let client: LetheClient

beforeAll(async () => {
  chain = await openKeptChain()
  client = chain.client()
})
afterAll(async () => {
  await chain?.stop()
})

async function request({ id }: Pair): Promise<string> {
  const view = await client.request({
    tenantId: 'acme',
    identifiers: [{ type: 'user_id', value: id }],
    requesterRole: 'self',
    identity: { method: 'signed_in_session' },
    graceDays: 0,
  })
  return view.requestId
}
const ended = ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED']
const shopOf = (view: ErasureRequestView) => view.systems.find(({ systemId }) => systemId === 'shop-pg')
const passes = async (id: string) =>
  (await client.events(id)).items
    .filter(({ type, data }) => type === 'PassRequested' && data.systemId === 'shop-pg')
    .map(({ data }) => data.passId)
const resumed = (id: string, statuses: readonly string[]) =>
  untilStatus(client, id, [...statuses, 'FAILED'], 120_000)

/** What is left right after the erasure, while the law keeps what it keeps. */
const keptOf = ({ id, other }: Pair) => ({
  [`soon-${id}`]: 'nobody [erased]',
  [`proof-${id}`]: `${id} ${id} agreed`,
  ...goneOf({ id, other }),
})
/** What is left when nothing is kept any more. */
const goneOf = ({ id, other }: Pair) => ({
  [`invoice-${id}`]: 'of the shared row',
  [`own-${id}`]: 'nobody',
  [`others-${id}`]: other,
  [`shared-${id}`]: other,
  [`said by ${other}`]: 'Thanks @deleted!',
})

describe('what a law keeps for a time', () => {
  const ada = pair(200)
  const bob = pair(300)
  /** Seconds until the law lets go. */
  const seconds = 30
  let byAda: string
  let byBob: string
  let until: number
  let others: () => Promise<string>
  let before: string

  it('stays, with its ground and date, and the rest is erased under every rule of the map', async () => {
    await give(chain, ada, seconds, null)
    await give(chain, bob, seconds, 3)
    const traces = await Promise.all(
      [ada, bob].map((one) => footprint(chain.pgUrl, chain.redisUrl, person(one))),
    )
    const mentions = await said()
    const shared = { users: [] as string[] }
    others = async () => {
      const users = await withClient(chain.pgUrl, (shop) =>
        shop.query(`SELECT id FROM users WHERE id NOT LIKE 'u%' AND id NOT LIKE 'g%'`),
      )
      shared.users = users.rows.map(({ id }) => id)
      const rows = Object.fromEntries(
        Object.keys(traces[0]?.rows ?? {}).map((table) => [
          table,
          traces.flatMap((trace) => trace.rows[table] ?? []),
        ]),
      )
      const without = {
        ...rows,
        users: [...(rows.users ?? []), ...shared.users],
        comments: [...(rows.comments ?? []), ...mentions],
      }
      return digestOfOthers(chain.pgUrl, chain.redisUrl, {
        rows: without,
        keys: traces.flatMap(({ keys }) => keys),
      })
    }
    before = await others()
    ;[byAda, byBob] = await Promise.all([request(ada), request(bob)])
    const view = await untilStatus(client, byAda, ended)
    expect(view).toMatchObject({
      status: 'PARTIALLY_COMPLETED',
      attention: { code: 'retained', nextStep: 'resumes_by_itself' },
    })
    const shop = shopOf(view)
    expect(shop?.status).toBe('RETAINED')
    expect(
      shop?.retained.map(({ category, ground, citation }) => [category, ground, citation]).sort(),
    ).toEqual([
      ['bookkeeping', '17(3)(b)', 'tax law, 7 years'],
      ['proof', '17(3)(b)', 'tax law, 7 years'],
    ])
    until = Math.min(...(shop?.retained.map((part) => part.until ?? Number.POSITIVE_INFINITY) ?? []))
    expect(until).toBeGreaterThan(Date.now() - 5_000)
    expect(until).toBeLessThan(Date.now() + seconds * 1_000 + 5_000)
    expect(await given(chain, ada)).toEqual(keptOf(ada))
    // What stays when it should be gone would be seen: the same look tells the two apart.
    expect(await given(chain, ada)).not.toEqual(goneOf(ada))
    expect(sizeOf(await footprint(chain.pgUrl, chain.redisUrl, person(ada)))).toBe(0)
    expect(shop?.counts.ledger).toMatchObject({ found: 1, retained: 1, erased: 0 })
    expect(shop?.counts.files).toMatchObject({ found: 2, erased: 1, redacted: 1 })
    expect(shop?.counts.follows).toMatchObject({ found: 2, erased: 2 })
    expect(shop?.counts.invoices).toMatchObject({ found: 1, redacted: 1 })
    const { out } = await lethe(['show', byAda])
    expect(out).toMatch(/shop-pg keeps +bookkeeping · 17\(3\)\(b\), tax law, 7 years · until \d{4}-/)
    expect(await others()).toBe(before)

    const both = await untilStatus(client, byBob, ended)
    expect(both.status).toBe('PARTIALLY_COMPLETED')
    expect(await given(chain, bob)).toEqual({ ...keptOf(bob), [`later-${bob.id}`]: 'nobody [erased]' })
  })

  it('goes by itself when its date has passed, though every process was killed in between', async () => {
    await Promise.all(all.map((name) => chain.crash(name)))
    await Promise.all(all.map((name) => chain.restart(name)))
    const done = await resumed(byAda, ['COMPLETED'])
    expect(done).toMatchObject({ status: 'COMPLETED', attention: null })
    expect(Date.now()).toBeGreaterThanOrEqual(until)
    expect(await passes(byAda)).toEqual(['shop-pg#1/initial', 'shop-pg#1/resume-1'])
    const { items } = await client.events(byAda)
    const resumedAt = items.find(({ data }) => data.passId === 'shop-pg#1/resume-1')?.at ?? 0
    expect(resumedAt).toBeGreaterThanOrEqual(until)
    const lastProbe = items.findLast(
      ({ type, data }) => type === 'ProbeReported' && data.systemId === 'shop-pg',
    )
    expect(lastProbe?.at).toBeGreaterThan(resumedAt)
    expect(lastProbe?.data.result).toBe('clean')
    expect(await given(chain, ada)).toEqual(goneOf(ada))
    const shop = shopOf(done)
    expect(shop).toMatchObject({ status: 'COMPLETED', verified: true, retained: [] })
    expect(shop?.counts.ledger).toMatchObject({ found: 1, erased: 1, retained: 0 })
    expect(shop?.counts.consents).toMatchObject({ found: 1, erased: 1, retained: 0 })
    expect(await others()).toBe(before)
  })

  it('goes part by part: what has another date stays, and is waited for', async () => {
    const again = await untilRetained(byBob, 1)
    expect(again.status).toBe('PARTIALLY_COMPLETED')
    expect(shopOf(again)?.retained[0]?.until).toBeGreaterThan(Date.now() + 2 * 365 * 86_400_000)
    expect(await passes(byBob)).toEqual(['shop-pg#1/initial', 'shop-pg#1/resume-1'])
    expect(await given(chain, bob)).toEqual({ ...goneOf(bob), [`later-${bob.id}`]: 'nobody [erased]' })
    expect(shopOf(again)?.counts.ledger).toMatchObject({ found: 2, erased: 1, retained: 1 })
  })

  it('would be seen to go too early', async () => {
    const hasty = pair(400)
    await chain.exchange('eraser-shop-pg', program('hasty-eraser'))
    await give(chain, hasty, 3_600, null)
    await untilStatus(client, await request(hasty), ended)
    expect(await given(chain, hasty)).not.toEqual(keptOf(hasty))
  })

  it('would be seen to stay too long, and is never COMPLETED while a probe finds it', async () => {
    const late = pair(500)
    await chain.exchange('eraser-shop-pg', program('forgetful-eraser'))
    await give(chain, late, 20, null)
    const id = await request(late)
    await untilStatus(client, id, ['PARTIALLY_COMPLETED'])
    const view = await resumed(id, ['COMPLETED'])
    expect(view).toMatchObject({ status: 'FAILED', owner: 'operator', nextStep: 'check_data_map_then_retry' })
    expect(shopOf(view)?.probe?.residual.consents).toBe(1)
    expect(await given(chain, late)).toEqual(keptOf(late))
    expect(await given(chain, late)).not.toEqual(goneOf(late))
  })
})

const program = (name: string) => fileURLToPath(new URL(`../dist/harness/${name}.js`, import.meta.url))

const said = async (): Promise<string[]> =>
  withClient(chain.pgUrl, async (shop) => {
    const { rows } = await shop.query(`SELECT id::text AS key FROM comments WHERE body LIKE 'Thanks %'`)
    return rows.map(({ key }) => key)
  })

async function untilRetained(id: string, parts: number): Promise<ErasureRequestView> {
  return wait(
    `${parts} retained`,
    () => client.get(id),
    (view) => view.status === 'PARTIALLY_COMPLETED' && shopOf(view)?.retained.length === parts,
  )
}

function lethe(args: string[]) {
  const { at, secrets } = chain.context
  return run('packages/cli/bin/lethe.mjs', args, {
    LETHE_REQUEST_URL: at.requestUrl,
    LETHE_TOKEN: secrets.token('operator'),
  })
}
