import { readFileSync } from 'node:fs'
import type { ErasureRequestView, LetheClient } from '@lethe/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Chain, type ProcessName } from './harness/chain.js'
import { until, untilStatus } from './harness/wait.js'
import { digestOfOthers, footprint, sizeOf } from './shop/oracle.js'
import { ada } from './shop/seed.js'

const consumers: readonly ProcessName[] = [
  'request',
  'aggregator',
  'eraser-shop-pg',
  'eraser-cache',
  'probe-shop-pg',
  'probe-cache',
]

describe('the chain on the second Kafka client', () => {
  let chain: Chain
  let client: LetheClient

  beforeAll(async () => {
    chain = await Chain.start({ env: { LETHE_KAFKA_CLIENT: 'platformatic' } })
    client = chain.client()
  })
  afterAll(async () => {
    await chain?.stop()
  })

  const erase = (from: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, i) =>
        client
          .request({
            tenantId: 'acme',
            identifiers: [{ type: 'email', value: `customer${from + i}@example.com` }],
            requesterRole: 'self',
            identity: { method: 'signed_in_session' },
            graceDays: 0,
          })
          .then(({ requestId }) => requestId),
      ),
    )
  const completed = (ids: readonly string[]) =>
    Promise.all(ids.map((id) => untilStatus(client, id, ['COMPLETED', 'FAILED', 'PARTIALLY_COMPLETED'])))

  function expectTrueCounts(views: readonly ErasureRequestView[]): void {
    for (const view of views) {
      expect(view.status, view.requestId).toBe('COMPLETED')
      const step = view.steps.find(({ stepId }) => stepId === 'shop-pg#1')
      const erased = Object.values(step?.counts ?? {}).reduce((sum, one) => sum + one.erased, 0)
      expect(erased, view.requestId).toBe(6)
    }
  }

  /** Which client the consumers of a process have said they start with, in their order. */
  const startedWith = (name: ProcessName): string[] =>
    [
      ...readFileSync(chain.context.state.file('logs', `${name}.log`), 'utf8').matchAll(/"client":"(\w+)"/g),
    ].map((match) => match[1] ?? '')

  it('erases a person from every system, and nobody else', async () => {
    const before = await footprint(chain.pgUrl, chain.redisUrl, ada)
    const others = await digestOfOthers(chain.pgUrl, chain.redisUrl, before)
    const { requestId } = await client.request({
      tenantId: ada.tenantId,
      identifiers: [{ type: 'user_id', value: ada.userId }],
      requesterRole: 'self',
      identity: { method: 'signed_in_session' },
      graceDays: 0,
    })
    expect((await untilStatus(client, requestId, ['COMPLETED', 'FAILED'])).status).toBe('COMPLETED')
    expect(sizeOf(await footprint(chain.pgUrl, chain.redisUrl, ada))).toBe(0)
    expect(await digestOfOthers(chain.pgUrl, chain.redisUrl, before)).toBe(others)
    for (const name of consumers) expect(new Set(startedWith(name)), name).toEqual(new Set(['platformatic']))
  })

  it('survives kill -9 of the aggregator, which goes on with kafkajs where it was', async () => {
    const ids = await erase(100, 12)
    const statuses = async () =>
      (await Promise.all(ids.map((id) => client.get(id)))).map(({ status }) => status)
    await until('work under way', statuses, (seen) =>
      seen.some((status) => status !== 'PENDING' && status !== 'SCHEDULED'),
    )
    await chain.crash('aggregator')
    await chain.restart('aggregator', undefined, { LETHE_KAFKA_CLIENT: 'kafkajs' })
    expectTrueCounts(await completed(ids))
    expect(startedWith('aggregator').at(-1)).toBe('kafkajs')
  })

  it('goes back to the second client, with the eraser killed meanwhile', async () => {
    await chain.exchange('aggregator')
    const ids = await erase(120, 12)
    await chain.crash('eraser-shop-pg')
    await chain.restart('eraser-shop-pg')
    expectTrueCounts(await completed(ids))
    expect(startedWith('aggregator').at(-1)).toBe('platformatic')
  })
})
