import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freezePlan, type LogFixture, logFixture, newRequestId, receive, T0 } from '../testing/fixtures.js'
import { OutboxReconciler } from './outbox-reconciler.js'

let fixture: LogFixture
beforeAll(async () => {
  fixture = await logFixture()
})
afterAll(() => fixture?.drop())
beforeEach(() => fixture.pool.query('DELETE FROM outbox.message'))

interface Message {
  id: string
  ce_id: string
  attempt: number
  payload: Buffer
  aggregateid: string
}

const messages = async (): Promise<Message[]> =>
  (await fixture.pool.query('SELECT * FROM outbox.message ORDER BY position')).rows

async function writeMessages(): Promise<Message[]> {
  const id = newRequestId()
  await fixture.writer().transact([id], async (tx) => {
    tx.apply(id, receive(id), T0)
    tx.apply(id, freezePlan, T0)
  })
  return messages()
}

/** Makes every row as old as if it had waited; a spec does not wait for minutes. */
const age = (minutes: number) =>
  fixture.pool.query('UPDATE outbox.message SET created_at = created_at - make_interval(secs => $1)', [
    minutes * 60,
  ])

const same = ({ ce_id, payload, aggregateid }: Message) => ({ ce_id, payload, aggregateid })

describe('the outbox reconciler', () => {
  it('forgets messages once they were seen on their topic, and only those', async () => {
    const [first, ...others] = await writeMessages()
    const reconciler = new OutboxReconciler({ pool: fixture.pool })
    expect(others.length).toBeGreaterThan(0)
    expect(await reconciler.confirm([first?.ce_id ?? '', 'not-an-id', first?.ce_id ?? ''])).toBe(1)
    expect(await reconciler.confirm([first?.ce_id ?? ''])).toBe(0)
    expect(await messages()).toEqual(others)
  })

  it('lets a message be while it may still be on its way', async () => {
    const before = await writeMessages()
    const report = await new OutboxReconciler({ pool: fixture.pool, lostAfterMs: 60_000 }).sweep()
    expect(report).toMatchObject({ republished: [], exhausted: 0, pending: before.length })
    expect(await messages()).toEqual(before)
  })

  it('publishes a lost message again: equal, under its ce_id, as a new row with the next attempt', async () => {
    const before = await writeMessages()
    await age(2)
    const report = await new OutboxReconciler({ pool: fixture.pool }).sweep()
    expect([...report.republished].sort()).toEqual(before.map(({ ce_id }) => ce_id).sort())
    const after = await messages()
    expect(after.map(same)).toEqual(before.map(same))
    expect(after.map(({ attempt }) => attempt)).toEqual(before.map(() => 2))
    for (const { id } of after) expect(before.map((row) => row.id)).not.toContain(id)
  })

  it('brings a message into the log again after the slot was dropped with it unread', async () => {
    const slot = `spec_${Date.now()}`
    const client = new Client({ connectionString: fixture.url })
    await client.connect()
    const createSlot = () =>
      client.query("SELECT pg_create_logical_replication_slot($1, 'test_decoding')", [slot])
    const dropSlot = () => client.query('SELECT pg_drop_replication_slot($1)', [slot])
    const inserted = async (): Promise<string> =>
      (await client.query('SELECT data FROM pg_logical_slot_get_changes($1, NULL, NULL)', [slot])).rows
        .map(({ data }) => String(data))
        .filter((data) => data.includes('outbox.message: INSERT'))
        .join('\n')
    await createSlot()
    try {
      const lost = await writeMessages()
      await dropSlot()
      await createSlot()
      expect(await inserted()).toBe('')
      await age(2)
      await new OutboxReconciler({ pool: fixture.pool }).sweep()
      const seen = await inserted()
      for (const { ce_id } of lost) expect(seen).toContain(ce_id)
    } finally {
      await dropSlot()
      await client.end()
    }
  })

  /** How long each of the next publications is waited for, in steps of half a minute. */
  async function waitsOf(reconciler: OutboxReconciler, publications: number): Promise<number[]> {
    const before = (await messages()).length
    const waits: number[] = []
    for (let attempt = 1; attempt <= publications; attempt++) {
      let steps = 0
      for (let found = 0; found < before && steps < 200; steps++) {
        await age(0.5)
        found += (await reconciler.sweep()).republished.length
      }
      waits.push(steps * 30)
    }
    return waits
  }

  it('never gives up, and never lets a message wait longer than a minute', async () => {
    const before = await writeMessages()
    const reconciler = new OutboxReconciler({ pool: fixture.pool, alarmAfterAttempts: 3 })
    expect(await waitsOf(reconciler, 6)).toEqual([30, 60, 60, 60, 60, 60])
    await fixture.pool.query('UPDATE outbox.message SET attempt = 100000')
    await age(1)
    const report = await reconciler.sweep()
    expect(report.republished).toHaveLength(before.length)
    expect((await messages()).map(({ attempt }) => attempt)).toEqual(before.map(() => 100_001))
  })

  it('waits twice as long each time up to the bound it is given, which is never below the first wait', async () => {
    await writeMessages()
    const { pool } = fixture
    const bounded = new OutboxReconciler({ pool, lostAfterMs: 30_000, longestWaitMs: 240_000 })
    expect(await waitsOf(bounded, 5)).toEqual([30, 60, 120, 240, 240])
    await fixture.pool.query('UPDATE outbox.message SET attempt = 1, created_at = now()')
    const patient = new OutboxReconciler({ pool, lostAfterMs: 120_000, longestWaitMs: 30_000 })
    expect(await waitsOf(patient, 2)).toEqual([120, 120])
  })

  it('raises the alarm for messages that stay lost, while it goes on publishing them', async () => {
    const before = await writeMessages()
    const reconciler = new OutboxReconciler({
      pool: fixture.pool,
      lostAfterMs: 60_000,
      longestWaitMs: 120_000,
      alarmAfterAttempts: 2,
    })
    await age(2)
    expect(await reconciler.sweep()).toMatchObject({ exhausted: 0 })
    await age(1.5)
    expect(await reconciler.sweep()).toMatchObject({ republished: [], exhausted: before.length })
    await age(1)
    expect((await reconciler.sweep()).republished).toHaveLength(before.length)
  })

  it('tells the age of the oldest message since it was first written, however often it was republished', async () => {
    await writeMessages()
    await fixture.pool.query('UPDATE outbox.message SET ce_time = $1', [Date.now() - 7_200_000])
    await age(2)
    const { republished, oldestMs } = await new OutboxReconciler({ pool: fixture.pool }).sweep()
    expect(republished).not.toEqual([])
    expect(oldestMs).toBeGreaterThanOrEqual(7_200_000)
    expect(oldestMs).toBeLessThan(7_300_000)
  })

  it('never doubles a message when several sweep at once, or one confirms meanwhile', async () => {
    for (let n = 0; n < 20; n++) await writeMessages()
    const before = await messages()
    await age(2)
    const sweepers = [1, 2, 3, 4].map(() => new OutboxReconciler({ pool: fixture.pool, batchSize: 7 }))
    const confirmed = before.slice(0, 5).map(({ ce_id }) => ce_id)
    const [reports] = await Promise.all([
      Promise.all(sweepers.map((sweeper) => sweeper.sweep())),
      sweepers[0]?.confirm(confirmed),
    ])
    const republished = reports.flatMap((report) => report.republished)
    expect(new Set(republished).size).toBe(republished.length)
    const left = (await messages()).map(({ ce_id }) => ce_id)
    expect(new Set(left).size).toBe(left.length)
    for (const { ce_id } of before.slice(5)) expect(left).toContain(ce_id)
  })
})
