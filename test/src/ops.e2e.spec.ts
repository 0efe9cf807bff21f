import type { LetheClient, NewErasureRequest } from '@lethe/client'
import { withClient } from '@lethe/infra'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'
import { until, untilStatus } from './harness/wait.js'

const customer = (n: number): NewErasureRequest => ({
  tenantId: 'acme',
  identifiers: [{ type: 'email', value: `customer${n}@example.com` }],
  requesterRole: 'self',
  identity: { method: 'signed_in_session' },
  graceDays: 0,
})

interface Group {
  readonly group: string
  readonly health: string
  readonly lag: number | null
}
interface Lag {
  readonly groups: readonly Group[]
  readonly partitions: readonly {
    readonly group: string
    readonly positionIn: string
    readonly lag: number | null
    readonly committed: number | null
    readonly mirrored: number | null
  }[]
  readonly slots: readonly { readonly active: boolean; readonly lagBytes: number | null }[]
  readonly connector: { readonly state: string | null }
}
interface Detail {
  readonly status: string
  readonly steps: readonly {
    readonly stepId: string
    readonly status: string
    readonly counts: unknown
    readonly marks: Record<string, unknown>
  }[]
}

describe('the ops service on the chain', () => {
  let chain: Chain
  let client: LetheClient

  beforeAll(async () => {
    chain = await Chain.start({ ops: true })
    client = chain.client()
  })

  afterAll(async () => {
    await chain?.stop()
  })

  async function ops<T>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${chain.context.at.ports.ops}${path}`, {
      headers: { authorization: `Bearer ${chain.context.secrets.token('viewer')}` },
    })
    expect(response.status, path).toBe(200)
    return (await response.json()) as T
  }
  const lag = () => ops<Lag>('/v1/lag?maxAgeMs=0')
  const group = async (name: string) => (await lag()).groups.find((one) => one.group === name)
  const endangered = async () => {
    const { items } = await ops<{ items: { requestId: string; because: string[] }[] }>(
      '/v1/at-risk?maxAgeMs=0',
    )
    return items
  }

  it('follows an erasure to its end, and shows of it what request itself shows', async () => {
    const { next } = await ops<{ next: string }>('/v1/changes')
    const { requestId } = await client.request(customer(1))
    const done = await untilStatus(client, requestId, ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED'])
    const told = await until(
      'the completion among the changes',
      async () => {
        const page = await ops<{ items: { requestId: string; type: string }[] }>(
          `/v1/changes?after=${next}&limit=1000`,
        )
        return page.items.filter((one) => one.requestId === requestId).map(({ type }) => type)
      },
      (types) => types.includes('RequestCompleted'),
    )
    const { items } = await ops<{ items: { type: string }[] }>(`/v1/requests/${requestId}/timeline`)
    expect(told).toEqual(items.map(({ type }) => type))

    const detail = await ops<Detail>(`/v1/requests/${requestId}`)
    expect(detail.status).toBe('COMPLETED')
    expect(
      detail.steps.map(({ stepId, status, counts, marks }) => ({ stepId, status, counts, ...marks })),
    ).toMatchObject(
      (done.steps as readonly object[]).map((step) => {
        const { stepId, status, counts, erasedAt, probedAt, probeResult } = step as Record<string, unknown>
        return { stepId, status, counts, erasedAt, probedAt, probeResult }
      }),
    )
    for (const { marks } of detail.steps)
      for (const mark of ['requestedAt', 'erasedAt', 'backupClearFrom'])
        expect(marks[mark]).toEqual(expect.any(Number))
  })

  it('shows everybody caught up, the aggregator by its positions in PostgreSQL, and Debezium running', async () => {
    const view = await until(
      'everybody caught up',
      lag,
      ({ groups, partitions }) =>
        groups.every((one) => one.group.startsWith('restore') || (one.health === 'up' && one.lag === 0)) &&
        partitions.every(({ mirrored, committed }) => mirrored === null || mirrored === committed),
    )
    const folded = view.partitions.filter((one) => one.group === 'aggregator')
    expect(folded.every(({ positionIn }) => positionIn === 'postgresql')).toBe(true)
    expect(folded.some(({ committed }) => (committed ?? 0) > 0)).toBe(true)
    expect(view.connector.state).toBe('RUNNING')
    expect(view.slots).toMatchObject([{ active: true, lagBytes: expect.any(Number) }])
    expect(await endangered()).toEqual([])
  })

  it('shows an eraser that stopped as silent, its lag, and whom that endangers, until it is back', async () => {
    await chain.stopOne('eraser-cache')
    await until(
      'the silence',
      () => group('eraser.cache'),
      (one) => one?.health === 'silent',
    )
    const { requestId } = await client.request(customer(2))
    await until(
      'the lag',
      () => group('eraser.cache'),
      (one) => (one?.lag ?? 0) > 0,
    )
    const [found] = await until('the danger', endangered, (items) => items.length > 0)
    expect(found).toMatchObject({ requestId, verdict: 'standing_still', expectedAt: null })
    expect(found?.because).toContain('eraser.cache')
    await chain.restart('eraser-cache')
    await untilStatus(client, requestId, ['COMPLETED'])
    await until('the end of the danger', endangered, (items) => items.length === 0)
  })

  it('does an action on many requests that a kill -9 interrupts: says so, resumes, and does it once to each', async () => {
    const send = async <T>(path: string, body: object, status: number): Promise<T> => {
      const response = await fetch(`http://127.0.0.1:${chain.context.at.ports.ops}${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${chain.context.secrets.token('privacy-officer')}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
      })
      expect(response.status, path).toBe(status)
      return (await response.json()) as T
    }
    interface Job {
      readonly jobId: string
      readonly state: string
      readonly reason: string | null
      readonly total: number
      readonly left: number
      readonly outcomes: Readonly<Record<string, number>>
    }
    const ids: string[] = []
    for (let from = 10; from < 170; from += 16)
      for (const { requestId } of await Promise.all(
        Array.from({ length: 16 }, (_, n) => client.request({ ...customer(from + n), approval: 'required' })),
      ))
        ids.push(requestId)
    const { jobId, total } = await send<Job>(
      '/v1/bulk',
      { verb: 'cancel', list: { status: 'PENDING,AWAITING_IDENTITY,AWAITING_APPROVAL' } },
      201,
    )
    expect(total).toBe(ids.length)
    await send(`/v1/bulk/${jobId}/run`, {}, 202)
    const job = () => ops<Job>(`/v1/bulk/${jobId}`)
    await until('some that are done', job, ({ outcomes }) => (outcomes['done'] ?? 0) > 3)
    await chain.crash('ops')
    await chain.restart('ops')
    const stopped = await until('what is left', job, ({ state }) => state !== 'running')
    expect(stopped).toMatchObject({ state: 'interrupted', reason: 'process_ended' })
    expect(stopped.left).toBeGreaterThan(0)
    await send(`/v1/bulk/${jobId}/run`, {}, 202)
    const done = await until('its end', job, ({ state }) => state === 'done')
    const { done: sure = 0, done_before_or_impossible: before = 0, ...others } = done.outcomes
    expect(others).toEqual({})
    expect(sure + before).toBe(ids.length)
    expect(before).toBeLessThanOrEqual(6)
    const { rows } = await withClient(chain.letheUrl, (lethe) =>
      lethe.query<{ n: number; each: number }>(
        `SELECT count(*)::int AS n, max(count)::int AS each FROM (SELECT stream_id, count(*) FROM events.events
         WHERE type = 'RequestCancelled' AND stream_id = ANY ($1) GROUP BY stream_id) AS cancelled`,
        [ids],
      ),
    )
    expect(rows[0]).toEqual({ n: ids.length, each: 1 })
  })
})
