import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RequestLog } from '../request-log.js'
import {
  freezePlan,
  grantFirstStep,
  hold,
  type LogFixture,
  logFixture,
  newRequestId,
  receive,
  release,
  T0,
} from '../testing/fixtures.js'
import { rebuild } from './rebuild.js'

let fixture: LogFixture
beforeEach(async () => {
  fixture = await logFixture()
})
afterEach(() => fixture?.drop())

async function requests(log: RequestLog, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, newRequestId)
  await log.transact(ids, async (tx) => {
    for (const id of ids) {
      tx.apply(id, receive(id), T0)
      tx.apply(id, freezePlan, T0 + 1)
    }
  })
  for (const id of ids)
    await log.transact([id], async (tx) => tx.apply(id, grantFirstStep(`tombstone-${id}`), T0 + 2))
  return ids
}

const tamper = (statement: string, id?: string) => fixture.pool.query(statement, id === undefined ? [] : [id])

describe('rebuild', () => {
  it('finds live read models equal byte by byte, in pages of any size', async () => {
    await requests(fixture.writer({ snapshotEvery: 4 }), 7)
    const [small, large] = [await rebuild(fixture.pool, { pageSize: 2 }), await rebuild(fixture.pool)]
    expect(small).toEqual(large)
    expect(small).toMatchObject({
      streams: 7,
      equal: true,
      differing: 0,
      differences: [],
      problems: [],
      swapped: false,
    })
    expect(small.snapshots).toBe(7)
    const { rows } = await fixture.pool.query('SELECT count(*)::int AS n FROM read_model.tombstones')
    expect(rows[0].n).toBe(7)
  })

  it('reports a changed, a missing and an extra row, and repairs them when told to', async () => {
    const [a, b] = await requests(fixture.writer(), 3)
    await tamper("UPDATE read_model.requests SET status = 'COMPLETED' WHERE request_id = $1", a)
    await tamper("DELETE FROM read_model.steps WHERE request_id = $1 AND step_id = 'cache#1'", b)
    await tamper(
      "INSERT INTO read_model.tombstones SELECT 'forged', request_id, system_id, tenant_id, subject_ref, sequence, epoch, map_version, effective_at, expires_at, recur_every, held_until FROM read_model.tombstones WHERE request_id = $1",
      a,
    )
    const looked = await rebuild(fixture.pool)
    expect(looked).toMatchObject({ equal: false, differing: 3, swapped: false })
    expect(looked.differences).toEqual([
      { table: 'requests', key: a, live: expect.stringContaining('COMPLETED'), rebuilt: expect.any(String) },
      { table: 'steps', key: `${b}/cache#1`, live: null, rebuilt: expect.any(String) },
      { table: 'tombstones', key: 'forged', live: expect.any(String), rebuilt: null },
    ])
    expect(await rebuild(fixture.pool, { swap: true })).toMatchObject({ differing: 3, swapped: true })
    expect(await rebuild(fixture.pool, { swap: true })).toMatchObject({ equal: true, swapped: false })
  })

  it('reports counts of requests that are not what the log says, and repairs them when told to', async () => {
    const [id] = await requests(fixture.writer(), 3)
    await tamper(
      'INSERT INTO read_model.request_counts SELECT tenant_id, status, false, false, 1 FROM read_model.requests WHERE request_id = $1',
      id,
    )
    expect(await rebuild(fixture.pool)).toMatchObject({
      equal: false,
      differences: [
        { table: 'request_counts', key: expect.stringContaining('acme/'), live: '4', rebuilt: '3' },
      ],
    })
    await tamper('DELETE FROM read_model.request_counts')
    expect(await rebuild(fixture.pool, { swap: true })).toMatchObject({
      differences: [{ live: null, rebuilt: '3' }],
      swapped: true,
    })
    expect(await rebuild(fixture.pool)).toMatchObject({ equal: true })
  })

  it('reports a gap, a head that is ahead and a snapshot that lies, and swaps nothing then', async () => {
    const [gap, ahead, lying] = await requests(fixture.writer({ snapshotEvery: 2 }), 4)
    await tamper('DELETE FROM events.events WHERE stream_id = $1 AND version = 2', gap)
    await tamper('UPDATE events.streams SET version = version + 1 WHERE stream_id = $1', ahead)
    await tamper(
      `UPDATE events.snapshots SET state = replace(state::text, '"acme"', '"other"')::json WHERE stream_id = $1`,
      lying,
    )
    const report = await rebuild(fixture.pool, { swap: true })
    expect(report).toMatchObject({ equal: false, swapped: false })
    expect(report.problems.map(({ requestId }) => requestId).sort()).toEqual([gap, ahead, lying].sort())
  })

  it('is exact while writers go on, and its swap loses none of their writes', async () => {
    const log = fixture.writer()
    const ids = await requests(log, 5)
    let going = true
    const writer = (async () => {
      for (let n = 0; going; n++) {
        const id = ids[n % ids.length] ?? ''
        await log.transact([id], async (tx) => tx.apply(id, hold(`h${n}`), T0 + 3))
        await log.transact([id], async (tx) => tx.apply(id, release(`h${n}`), T0 + 4))
      }
    })()
    try {
      for (let n = 0; n < 3; n++) expect(await rebuild(fixture.pool)).toMatchObject({ equal: true })
      await tamper("UPDATE read_model.verifications SET status = 'FAILED' WHERE request_id = $1", ids[0])
      await rebuild(fixture.pool, { swap: true })
    } finally {
      going = false
      await writer
    }
    expect(await rebuild(fixture.pool)).toMatchObject({ equal: true })
  })

  it('leaves no shadow behind', async () => {
    await requests(fixture.writer(), 1)
    await rebuild(fixture.pool)
    const { rows } = await fixture.pool.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%'")
    expect(rows).toEqual([])
  })
})
