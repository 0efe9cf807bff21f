import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Replayed } from '../domain/restore.js'
import { addEach, addPage, everReplayed } from './replay-rows.js'

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
  beforeAll(async () => {
    scratch = await scratchDatabase(endpoints().lethePostgresUrl)
    pool = new pg.Pool({ connectionString: scratch.url, max: 2 })
    client = await pool.connect()
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
    await addPage(client, RESTORE, 't5', page)
    await addPage(client, RESTORE, 't5', page)
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

  it('to people found one by one is told once of each, and a failure becomes what came later', async () => {
    const tell = (...replayed: Replayed[]) => addEach(client, RESTORE, replayed)
    expect(await tell(one(11), one(12, failed), one(13, { ...failed, errorCode: 'no_outcome' }))).toEqual(
      expect.arrayContaining([
        [{ is: 'changed' }, 1],
        [{ is: 'failed', code: 'timeout' }, 1],
        [{ is: 'failed', code: 'no_outcome' }, 1],
      ]),
    )
    expect(await tell()).toEqual([])
    // Told before, however it ends now; and somebody who is new.
    expect(await tell(one(11, failed), one(12), one(14))).toEqual([[{ is: 'changed' }, 1]])
    const { rows } = await client.query(
      'SELECT request_id AS q, outcome FROM restore.replays WHERE restore_id = $1 ORDER BY q',
      [RESTORE],
    )
    expect(rows).toEqual([
      { q: 'q11', outcome: 'erased' },
      { q: 'q12', outcome: 'erased' },
      { q: 'q13', outcome: 'failed' },
      { q: 'q14', outcome: 'erased' },
    ])
  })

  it('is counted over all runs, of everybody once', async () => {
    await client.query('UPDATE restore.restores SET run = 4 WHERE restore_id = $1', [RESTORE])
    await addPage(client, RESTORE, 't5', [one(1), one(4), one(11)])
    // 1 to 5, 11, 12 and 14.
    expect(await everReplayed(pool, RESTORE)).toBe(8)
    expect(await everReplayed(pool, 'another')).toBe(0)
  })
})
