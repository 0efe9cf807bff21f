import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { Chain } from './harness/chain.js'
import { until } from './harness/wait.js'
import { ada } from './shop/seed.js'

/** A request that was probed at least once, whatever came of it. */
async function eraseAda(chain: Chain) {
  const client = chain.client()
  const { requestId } = await client.request({
    tenantId: ada.tenantId,
    identifiers: [{ type: 'email', value: ada.email }],
    requesterRole: 'self',
    identity: { method: 'signed_in_session' },
    graceDays: 0,
  })
  return until(
    'an end to the erasure',
    () => client.get(requestId),
    (view) => ['COMPLETED', 'PARTIALLY_COMPLETED', 'FAILED'].includes(view.status),
    150_000,
  )
}

describe('an erasure that did not erase', () => {
  let chain: Chain | undefined

  afterEach(async () => {
    await chain?.stop()
    chain = undefined
  })

  it('ends in residual, not COMPLETED, when an eraser acknowledges without erasing', async () => {
    chain = await Chain.start({
      instead: { 'eraser-cache': fileURLToPath(new URL('../dist/harness/lying-eraser.js', import.meta.url)) },
    })
    const view = await eraseAda(chain)
    expect(view.status).toBe('FAILED')
    expect(view.owner).not.toBeNull()
    const cache = view.systems.find(({ systemId }) => systemId === 'cache')
    expect(cache?.probe?.result).toBe('residual')
    expect(cache?.counts['tenant:{tenant}:user:{user_id}:*']?.erased).toBeGreaterThan(0)
    expect(view.systems.find(({ systemId }) => systemId === 'shop-pg')?.probe?.result).toBe('clean')
  })

  it.each([
    ['activity_logs', 'found by user id, without a foreign key'],
    ['newsletter', 'found by e-mail only'],
  ])('ends in residual, not COMPLETED, when the data map misses %s (%s)', async (table) => {
    chain = await Chain.start({
      dataMap: (yaml) =>
        yaml
          .split('\n')
          .filter((line) => !line.includes(`table: ${table}`))
          .join('\n'),
    })
    const view = await eraseAda(chain)
    expect(view.status).toBe('FAILED')
    const shop = view.systems.find(({ systemId }) => systemId === 'shop-pg')
    expect(shop?.probe?.result).toBe('residual')
    const places = Object.entries(shop?.probe?.residual ?? {}).filter(([, matches]) => matches > 0)
    expect(places.map(([place]) => place).join()).toContain(table)
  })
})
