import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  freezePlan,
  grantFirstStep,
  type LogFixture,
  logFixture,
  newRequestId,
  receive,
  T0,
} from '../../testing/fixtures.js'
import { liveTombstones, tombstonesOf } from './query.js'

let fixture: LogFixture
const ids: string[] = []
beforeAll(async () => {
  fixture = await logFixture()
  for (let n = 0; n < 5; n++) {
    const id = newRequestId()
    ids.push(id)
    await fixture.writer().transact([id], async (tx) => {
      tx.apply(id, receive(id), T0)
      tx.apply(id, freezePlan, T0 + 1)
      tx.apply(id, grantFirstStep(`tombstone-${n}`), T0 + 2)
    })
  }
})
afterAll(() => fixture?.drop())

describe('tombstones', () => {
  it('are there from the first grant of their system on', async () => {
    const rows = await tombstonesOf(fixture.pool, ids[2] ?? '')
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      tombstoneId: 'tombstone-2',
      requestId: ids[2],
      systemId: 'cache',
      tenantId: 'acme',
      subjectRef: `subject-of-${ids[2]}`,
      sequence: 1,
      epoch: 'epoch-1',
      effectiveAt: T0 + 2,
    })
  })

  it('are listed per system in pages until they expire', async () => {
    const first = await liveTombstones(fixture.pool, 'cache', T0 + 10, { limit: 3 })
    const rest = await liveTombstones(fixture.pool, 'cache', T0 + 10, {
      limit: 3,
      after: first.at(-1)?.tombstoneId ?? '',
    })
    expect([...first, ...rest].map(({ tombstoneId }) => tombstoneId)).toEqual(
      [0, 1, 2, 3, 4].map((n) => `tombstone-${n}`),
    )
    const expiresAt = first[0]?.expiresAt ?? 0
    expect(expiresAt).toBeGreaterThan(T0)
    expect(await liveTombstones(fixture.pool, 'cache', expiresAt, { limit: 10 })).toEqual([])
    expect(await liveTombstones(fixture.pool, 'shop-pg', T0 + 10, { limit: 10 })).toEqual([])
  })
})
