import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { advanceOffset, loadOffsets, rebuild, takeFresh } from './index.js'
import type { RequestLog } from './request-log.js'
import {
  freezePlan,
  hold,
  type LogFixture,
  logFixture,
  newRequestId,
  receive,
  T0,
} from './testing/fixtures.js'
import { KillingPool, type Moment } from './testing/killing-pool.js'

let fixture: LogFixture
beforeAll(async () => {
  fixture = await logFixture()
})
afterAll(() => fixture?.drop())

/** What can be seen of a request from outside, in one snapshot of the database. */
async function seen(id: string) {
  const { rows } = await fixture.pool.query(
    `SELECT (SELECT count(*)::int FROM events.events WHERE stream_id = $1) AS events,
            (SELECT version::int FROM events.streams WHERE stream_id = $1) AS head,
            (SELECT version::int FROM read_model.requests WHERE request_id = $1) AS projected,
            (SELECT count(*)::int FROM read_model.steps WHERE request_id = $1) AS steps,
            (SELECT count(*)::int FROM outbox.message WHERE aggregateid = 'subject-of-' || $1) AS messages,
            (SELECT count(*)::int FROM inbox.processed WHERE message_id = 'm-' || $1) AS processed,
            (SELECT version::int FROM events.snapshots WHERE stream_id = $1) AS snapshot`,
    [id],
  )
  return rows[0]
}

/** A batch as the aggregator folds it: inbox, commands on two streams, offset by compare-and-set. */
async function foldBatch(
  log: RequestLog,
  [fresh, known]: readonly [string, string],
  topic: string,
): Promise<void> {
  const expected = (await loadOffsets(fixture.pool, 'crash', topic, [0])).get(0) ?? null
  if (expected === 5) return
  await log.transact([fresh, known], async (tx) => {
    const todo = await takeFresh(tx.client, 'crash', [`m-${fresh}`, `m-${known}`])
    if (todo.has(`m-${fresh}`)) {
      tx.apply(fresh, receive(fresh), T0)
      tx.apply(fresh, freezePlan, T0 + 1)
    }
    if (todo.has(`m-${known}`)) tx.apply(known, hold('h1'), T0 + 2)
    await advanceOffset(tx.client, 'crash', { topic, partition: 0, nextOffset: 5 }, expected)
  })
}

async function prepare(): Promise<readonly [string, string]> {
  const ids = [newRequestId(), newRequestId()] as const
  await fixture.writer().transact([ids[1]], async (tx) => tx.apply(ids[1], receive(ids[1]), T0))
  return ids
}

describe('a connection killed at any statement of a transaction', () => {
  const MAX_STATEMENTS = 60

  for (const moment of ['before', 'after'] as Moment[])
    it(`(${moment} it) leaves nothing half written, and a rerun ends where an undisturbed run does`, async () => {
      const undisturbed = await prepare()
      const before = await Promise.all(undisturbed.map(seen))
      await foldBatch(fixture.writer({ snapshotEvery: 2 }), undisturbed, `undisturbed-${moment}`)
      const whole = await Promise.all(undisturbed.map(seen))
      expect(whole).not.toEqual(before)

      for (let nth = 1; ; nth++) {
        if (nth > MAX_STATEMENTS) throw new Error(`no end after ${MAX_STATEMENTS} statements`)
        const ids = await prepare()
        const topic = `${moment}-${nth}`
        const pool = new KillingPool(fixture.url, fixture.pool, nth, moment)
        const log = fixture.writer({ pool, snapshotEvery: 2 })
        const first = await foldBatch(log, ids, topic).then(
          () => 'committed',
          () => 'failed',
        )
        if (!pool.reached) {
          expect(first).toBe('committed')
          expect(nth).toBeGreaterThan(8)
          await pool.end()
          break
        }
        const left = await Promise.all(ids.map(seen))
        // Failed after the server had committed is possible, half of it never is.
        if (first === 'failed') expect([before, whole]).toContainEqual(left)
        else expect(left).toEqual(whole)
        await foldBatch(log, ids, topic)
        expect(await Promise.all(ids.map(seen))).toEqual(whole)
        for (const id of ids)
          expect(await log.transact([id], async (tx) => tx.state(id))).toEqual(
            await fixture.writer().read(id),
          )
        await pool.end()
      }
      expect(await rebuild(fixture.pool)).toMatchObject({ equal: true })
    })
})
