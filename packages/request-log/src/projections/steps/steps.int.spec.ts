import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freezePlan, type LogFixture, logFixture, newRequestId, receive, T0 } from '../../testing/fixtures.js'
import { stepsOf } from './query.js'

let fixture: LogFixture
beforeAll(async () => {
  fixture = await logFixture()
})
afterAll(() => fixture?.drop())

describe('the steps of a request', () => {
  it('are listed in the order of their stages, each with its whole view', async () => {
    const id = newRequestId()
    await fixture.writer().transact([id], async (tx) => {
      tx.apply(id, receive(id), T0)
      tx.apply(id, freezePlan, T0 + 1)
    })
    const rows = await stepsOf(fixture.pool, id)
    expect(rows.map(({ stepId }) => stepId)).toEqual(['cache#1', 'shop-pg#1', 'cache#2'])
    for (const row of rows) {
      expect(row).toMatchObject({ requestId: id, tenantId: 'acme' })
      expect(row.detail).toMatchObject({ stepId: row.stepId, systemId: row.systemId, status: row.status })
    }
  })

  it('do not exist before the plan is frozen', async () => {
    const id = newRequestId()
    await fixture.writer().transact([id], async (tx) => tx.apply(id, receive(id), T0))
    expect(await stepsOf(fixture.pool, id)).toEqual([])
  })
})
