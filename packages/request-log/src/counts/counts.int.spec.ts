import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rebuild } from '../rebuild/rebuild.js'
import {
  freezePlan,
  hold,
  type LogFixture,
  logFixture,
  newRequestId,
  receive,
  release,
  T0,
} from '../testing/fixtures.js'
import { KillingPool } from '../testing/killing-pool.js'
import { joinCounts } from './join.js'
import { requestCounts } from './query.js'

let fixture: LogFixture
beforeAll(async () => {
  fixture = await logFixture()
})
afterAll(() => fixture?.drop())

/** Cells whose sum is not what counting every request in the same snapshot gives. */
async function wrong(): Promise<unknown[]> {
  const { rows } = await fixture.pool.query(
    `WITH told AS (SELECT tenant_id, status, live_erased, backup_clear, sum(n) AS n
       FROM read_model.request_counts GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0),
     there AS (SELECT tenant_id, status, live_erased_at IS NOT NULL AS live_erased, backup_clear, count(*) AS n
       FROM read_model.requests GROUP BY 1, 2, 3, 4)
     SELECT * FROM told FULL JOIN there USING (tenant_id, status, live_erased, backup_clear)
     WHERE told.n IS DISTINCT FROM there.n`,
  )
  return rows
}
const rowsOfCounts = async (): Promise<number> =>
  (await fixture.pool.query('SELECT count(*)::int AS n FROM read_model.request_counts')).rows[0].n

/** Moves its requests through statuses until it is told to stop. */
async function keepWriting(tenantId: string, going: () => boolean): Promise<void> {
  const log = fixture.writer()
  for (let n = 0; going(); n++) {
    const ids = [newRequestId(), newRequestId()]
    await log.transact(ids, async (tx) => {
      for (const id of ids) tx.apply(id, receive(id, { tenantId }), T0)
    })
    const [id = ''] = ids
    await log.transact([id], async (tx) => tx.apply(id, hold(`h${n}`), T0 + 1))
    await log.transact([id], async (tx) => tx.apply(id, release(`h${n}`), T0 + 2))
    await log.transact([id], async (tx) => tx.apply(id, freezePlan, T0 + 3))
  }
}

describe('counts of requests', () => {
  it('equal a full count at every moment, while two writers write and two others join the rows', async () => {
    let going = true
    const writers = ['acme', 'other'].map((tenantId) => keepWriting(tenantId, () => going))
    const joiners = [1, 2].map(async () => {
      while (going) await joinCounts(fixture.pool)
    })
    try {
      for (let n = 0; n < 60; n++) expect(await wrong()).toEqual([])
    } finally {
      going = false
      await Promise.all([...writers, ...joiners])
    }
    expect(await wrong()).toEqual([])
    expect(await rebuild(fixture.pool)).toMatchObject({ equal: true })
    const held = await requestCounts(fixture.pool, '*')
    const ofAcme = await requestCounts(fixture.pool, ['acme'])
    const sum = (counts: readonly { n: number }[]) => counts.reduce((all, { n }) => all + n, 0)
    expect(sum(ofAcme)).toBeGreaterThan(0)
    expect(sum(ofAcme)).toBeLessThan(sum(held))
    expect(await requestCounts(fixture.pool, [])).toEqual([])
  })

  it('are joined to a row for each cell, whole or not at all when the joining is killed', async () => {
    for (const moment of ['before', 'after'] as const) {
      const id = newRequestId()
      await fixture.writer().transact([id], async (tx) => tx.apply(id, receive(id), T0))
      const pool = new KillingPool(fixture.url, fixture.pool, 1, moment)
      const client = await pool.connect()
      client.on('error', () => {})
      await expect(joinCounts(client)).rejects.toThrow()
      client.release(true)
      await pool.end()
      expect(await wrong(), moment).toEqual([])
    }
    await joinCounts(fixture.pool)
    const joined = await rowsOfCounts()
    expect(await joinCounts(fixture.pool)).toBe(0)
    expect(await rowsOfCounts()).toBe(joined)
    expect(await wrong()).toEqual([])
  })

  it('would be found out by the full count when one change were missed', async () => {
    const client = await fixture.pool.connect()
    try {
      await client.query(
        "UPDATE read_model.requests SET status = 'FAILED' WHERE request_id = (SELECT min(request_id) FROM read_model.requests)",
      )
      expect((await wrong()).length).toBeGreaterThan(0)
    } finally {
      client.release()
    }
    expect(await rebuild(fixture.pool, { swap: true })).toMatchObject({ equal: false, swapped: true })
    expect(await wrong()).toEqual([])
  })
})
