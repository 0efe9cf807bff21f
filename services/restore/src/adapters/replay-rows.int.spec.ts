import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kindsOf } from '../domain/replayed-kinds.js'
import type { Replayed } from '../domain/restore.js'
import { nothing } from '../domain/tally.js'
import { addFailed } from './matched-rows.js'
import { addEach, addPage, everReplayed } from './replay-rows.js'
import { RestoreStore } from './restore-store.js'

const RESTORE = 'r1'
const counts = { customers: { found: 1, erased: 1, redacted: 0, retained: 0, failed: 0 } }
const more = { customers: { found: 2, erased: 2, redacted: 0, retained: 0, failed: 0 } }
const one = (n: number, as: Partial<Replayed> = {}): Replayed => ({
  tombstoneId: `t"${n}\\`,
  requestId: `q${n}`,
  outcome: 'erased',
  counts,
  errorCode: null,
  ...as,
})
const failed = { outcome: 'failed', errorCode: 'timeout' }

describe('what a replay did', () => {
  let scratch: Awaited<ReturnType<typeof scratchDatabase>>
  let pool: pg.Pool
  let client: pg.PoolClient
  let store: RestoreStore
  const each = async () =>
    (
      await client.query<{ one: string }>(
        `SELECT request_id || ' ' || outcome AS one FROM restore.replays WHERE restore_id = $1 ORDER BY 1`,
        [RESTORE],
      )
    ).rows.map(({ one }) => one)
  beforeAll(async () => {
    scratch = await scratchDatabase(endpoints().lethePostgresUrl)
    pool = new pg.Pool({ connectionString: scratch.url, max: 2 })
    client = await pool.connect()
    store = new RestoreStore(pool)
    await client.query(
      `INSERT INTO restore.restores (restore_id, system_id, announced_by, gate_mode, phase, announced_at, run)
       VALUES ($1, 'shop-pg', 'marker', 'unhooked', 'replaying', 1, 3)`,
      [RESTORE],
    )
  })
  afterAll(async () => {
    client?.release()
    await pool?.end()
    await scratch?.drop()
  })

  it('to a page is a row for all to whom the same happened, with everybody of it once', async () => {
    const page = [one(1), one(2, { counts: more }), one(3, { counts: { ...counts } }), one(4, failed), one(5)]
    await addPage(client, RESTORE, 't5', kindsOf(page))
    await addPage(client, RESTORE, 't5', kindsOf(page))
    await addPage(client, RESTORE, 't9', [])
    const { rows } = await client.query(
      `SELECT run, last, outcome, counts, error_code, tombstone_ids, request_ids FROM restore.replay_pages
       WHERE restore_id = $1 ORDER BY part`,
      [RESTORE],
    )
    const of = (...places: number[]) => ({
      run: 3,
      last: 't5',
      tombstone_ids: places.map((n) => one(n).tombstoneId),
      request_ids: places.map((n) => one(n).requestId),
    })
    expect(rows).toEqual([
      { ...of(1, 3, 5), outcome: 'erased', counts, error_code: null },
      { ...of(2), outcome: 'erased', counts: more, error_code: null },
      { ...of(4), outcome: 'failed', counts, error_code: 'timeout' },
    ])
  })

  it('to people found by a sweep is a row of each, and a failure becomes what came later', async () => {
    const tell = (...replayed: Replayed[]) => addEach(client, RESTORE, replayed)
    await tell(one(11), one(12, failed), one(13, { ...failed, errorCode: 'no_outcome' }))
    await tell()
    // Told before, however it ends now; and somebody who is new.
    await tell(one(11, failed), one(12), one(14))
    expect(await each()).toEqual(['q11 erased', 'q12 erased', 'q13 failed', 'q14 erased'])
  })

  it('to people found by their digests is told batch by batch, and of those who failed one by one, until they are forgotten', async () => {
    const tally = { ...nothing, tombstones: 9, replayed: 2, unreadable: 4, failed: { timeout: 2, other: 1 } }
    const changed = Array.from({ length: 40 }, (_, n) => one(100 + n))
    for (const some of changed)
      await store.recordMatched(RESTORE, 't5', tally, { changed: kindsOf([some]), failed: [] })
    const both = { changed: kindsOf([one(140), one(141)]), failed: [one(100, failed), one(150, failed)] }
    await store.recordMatched(RESTORE, 't5', tally, both)
    await store.recordMatched(RESTORE, 't5', tally, { changed: [], failed: [one(100, failed)] })
    expect(await each()).toEqual(expect.arrayContaining(['q100 failed', 'q150 failed']))
    const ids: string[] = []
    await store.matchedBefore(RESTORE, 3, (id) => ids.push(id))
    expect(ids.sort()).toEqual([...changed, one(140), one(141)].map(({ tombstoneId }) => tombstoneId).sort())
    await store.matchedBefore(RESTORE, 2, () => expect.unreachable())
    expect(await store.restore(RESTORE)).toMatchObject({ cursor: 't5', ...tally })
    // One of them was changed before; 13 failed with another code, and is of this restore as well.
    const without = { replayed: 3, unreadable: 6, failed: { other: 1 } }
    await client.query(`UPDATE restore.replays SET error_code = 'timeout' WHERE request_id = 'q13'`)
    const more = { ...tally, failed: { timeout: 3, other: 1 } }
    expect(await store.startMatching(RESTORE, 't5', more)).toEqual({ ...tally, ...without })
    expect(await store.restore(RESTORE)).toMatchObject({ cursor: 't5', ...without })
    expect(await each()).toEqual(['q11 erased', 'q12 erased', 'q14 erased'])
    expect(await store.startMatching(RESTORE, 't5', { ...tally, ...without })).toMatchObject(without)
  })

  it('is counted over all runs, of everybody once, without those who failed in the last one', async () => {
    await store.recordMatched(RESTORE, 't5', nothing, { changed: [], failed: [one(150, failed)] })
    await store.startPhase(RESTORE, 'replaying')
    // Who failed is tried again.
    expect(await each()).toEqual(['q11 erased', 'q12 erased', 'q14 erased'])
    await addPage(client, RESTORE, 't5', kindsOf([one(1), one(4), one(11), one(5, failed)]))
    await addFailed(client, RESTORE, [one(100, failed), one(150, failed)])
    // 1 to 4, 11, 12, 14 and 101 to 141.
    expect(await everReplayed(pool, RESTORE)).toBe(48)
    const tally = { ...nothing, replayed: 40, alreadyAbsent: 3 }
    expect(await store.overAllRuns(RESTORE, tally)).toMatchObject({ replayed: 43, alreadyAbsent: 0 })
    expect(await store.overAllRuns(RESTORE, { ...tally, alreadyAbsent: 9 })).toMatchObject({
      replayed: 48,
      alreadyAbsent: 1,
    })
    expect(await everReplayed(pool, 'another')).toBe(0)
  })
})
