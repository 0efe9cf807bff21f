import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freezePlan, type LogFixture, logFixture, newRequestId, receive, T0 } from '../../testing/fixtures.js'
import type { VerificationKey } from './query.js'
import { verificationsOf, verificationView } from './query.js'

let fixture: LogFixture
const ids: string[] = []
beforeAll(async () => {
  fixture = await logFixture()
  for (const tenantId of ['acme', 'acme', 'acme', 'other']) {
    const id = newRequestId()
    ids.push(id)
    await fixture.writer().transact([id], async (tx) => {
      tx.apply(id, receive(id, { tenantId }), T0)
      tx.apply(id, freezePlan, T0 + 1)
    })
  }
})
afterAll(() => fixture?.drop())

describe('the verification view', () => {
  it('has one row per request and system, unverified before any probe', async () => {
    const rows = await verificationsOf(fixture.pool, ids[0] ?? '')
    expect(rows.map(({ systemId }) => systemId)).toEqual(['cache', 'shop-pg'])
    for (const row of rows) expect(row).toMatchObject({ requestId: ids[0], result: null, checkedAt: null })
  })

  it('is paged by its key within the tenants of the caller', async () => {
    const seen: string[] = []
    let after: VerificationKey | null = null
    do {
      const page: Awaited<ReturnType<typeof verificationView>> = await verificationView(
        fixture.pool,
        { tenants: ['acme'] },
        { limit: 4, after },
      )
      seen.push(...page.items.map(({ requestId, systemId }) => `${requestId}/${systemId}`))
      after = page.next
    } while (after !== null)
    expect(seen).toEqual([...seen].sort())
    expect(new Set(seen)).toEqual(new Set(ids.slice(0, 3).flatMap((id) => [`${id}/cache`, `${id}/shop-pg`])))
  })

  it('is narrowed by system, by request and by result', async () => {
    const view = async (filter: object) =>
      (await verificationView(fixture.pool, { tenants: '*', ...filter }, { limit: 100 })).items
    expect(await view({ systemId: 'cache' })).toHaveLength(4)
    expect(await view({ requestId: ids[1] })).toHaveLength(2)
    expect(await view({ results: ['residual'] })).toEqual([])
  })
})
