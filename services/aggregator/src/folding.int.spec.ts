import { listDeadLetters } from '@lethe/messaging'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { acknowledgement, Stand } from './testing/stand.js'

const patience = { timeout: 30_000, interval: 20 }
let stand: Stand

beforeAll(async () => {
  stand = await Stand.open()
})
afterEach(async () => {
  await stand?.stopAll()
})
afterAll(async () => {
  await stand?.drop()
})

/** Everything on the topic is folded, and both places that know how far agree. */
const caughtUp = () =>
  vi.waitUntil(async () => {
    const [stored, offsets] = await Promise.all([stand.stored(), stand.kafkaOffsets()])
    return offsets.every(
      ({ end, committed }, partition) => end === 0 || (stored.get(partition) === end && committed === end),
    )
  }, patience)

describe('folding acknowledgements', () => {
  it('folds a batch around a forged message, which lies in the dead letters and changes nothing', async () => {
    const ids = await stand.requests(6)
    const [victim = ''] = await stand.requests(1)
    const before = await stand.events(victim)
    const acks = ids.map((id) => acknowledgement(id))
    const forged = { ...acknowledgement(victim), outcome: 'not_found' as const }
    await stand.send([...acks.slice(0, 3), forged, ...acks.slice(3), ...acks.slice(0, 2)], 'one partition')
    await stand.start()
    await caughtUp()
    expect(await stand.occurrences(ids, 'PassAcknowledged')).toEqual(ids.map(() => 1))
    expect(await stand.events(victim)).toEqual(before)
    expect([...(await stand.stored()).values()]).toEqual([9])
    const letters = await listDeadLetters(stand.config.kafka, { group: 'aggregator' })
    expect(letters.map(({ code, attempts }) => ({ code, attempts }))).toEqual([
      { code: 'grant_invalid', attempts: 1 },
    ])
  })

  it('shows a request as failed before the offset of its poisoned acknowledgement moves', async () => {
    const [first = '', poisoned = '', last = ''] = await stand.requests(3)
    // What the database refuses is no forgery: nobody but Lethe can be at fault.
    await stand.pool.query(`
      CREATE FUNCTION inbox.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '22P05'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON inbox.processed FOR EACH ROW
        WHEN (NEW.message_id = 'ack-of-${poisoned}') EXECUTE FUNCTION inbox.refuse();
      CREATE TABLE inbox.witnessed (next_offset bigint, status text);
      CREATE FUNCTION inbox.witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO inbox.witnessed SELECT NEW.next_offset, status FROM read_model.requests
          WHERE request_id = '${poisoned}';
        RETURN NEW; END $$;
      CREATE TRIGGER witness AFTER INSERT OR UPDATE ON inbox.offsets FOR EACH ROW
        EXECUTE FUNCTION inbox.witness()`)
    const before = await stand.stored()
    const [, base = 0] = [...before][0] ?? []
    await stand.send(
      [first, poisoned, last].map((id) => acknowledgement(id)),
      'one partition',
    )
    await stand.start()
    await caughtUp()
    expect(await stand.occurrences([first, last], 'PassAcknowledged')).toEqual([1, 1])
    const state = await stand.log.read(poisoned)
    expect(state).toMatchObject({
      status: 'FAILED',
      failure: { code: 'report_dead_lettered', systemId: 'shop-pg', owner: 'operator' },
    })
    const { rows } = await stand.pool.query<{ status: string }>(
      'SELECT DISTINCT status FROM inbox.witnessed WHERE next_offset > $1',
      [base + 1],
    )
    expect(rows).toEqual([{ status: 'FAILED' }])
    const letters = await listDeadLetters(stand.config.kafka, { group: 'aggregator' })
    expect(letters.map(({ code }) => code)).toEqual(['grant_invalid', expect.any(String)])
    await stand.pool.query('DROP TRIGGER refuse ON inbox.processed; DROP TRIGGER witness ON inbox.offsets')
  })

  it('loses and doubles nothing when its connection to PostgreSQL is killed in a batch', async () => {
    const ids = await stand.requests(40)
    const lock = await stand.pool.connect()
    try {
      await lock.query('BEGIN')
      await lock.query('SELECT 1 FROM events.streams WHERE stream_id = $1 FOR UPDATE', [ids[20]])
      await stand.start()
      await stand.send(
        ids.map((id) => acknowledgement(id)),
        'one partition',
      )
      // The batch has begun and waits for the locked stream: exactly that connection is ended.
      await vi.waitUntil(async () => {
        const { rows } = await stand.pool.query<{ pid: number }>(
          `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'lethe-aggregator' AND wait_event_type = 'Lock'`,
        )
        return rows.length > 0
      }, patience)
      expect(await stand.occurrences(ids, 'PassAcknowledged')).toEqual(ids.map(() => 0))
    } finally {
      // Ends the transaction too: left open, it would keep every slot of the server from being made.
      lock.release(true)
    }
    await caughtUp()
    expect(await stand.occurrences(ids, 'PassAcknowledged')).toEqual(ids.map(() => 1))
    expect(await listDeadLetters(stand.config.kafka, { group: 'aggregator' })).toHaveLength(2)
  })

  it('folds every message once while instances come and go', async () => {
    const ids = await stand.requests(240)
    const acks = ids.map((id) => acknowledgement(id))
    const first = await stand.start()
    await stand.send(acks.slice(0, 80))
    const second = stand.start()
    await stand.send(acks.slice(80, 160))
    await second
    await first.stop()
    await stand.send([...acks.slice(160), ...acks.slice(0, 40)])
    await caughtUp()
    expect(await stand.occurrences(ids, 'PassAcknowledged')).toEqual(ids.map(() => 1))
  })
})
