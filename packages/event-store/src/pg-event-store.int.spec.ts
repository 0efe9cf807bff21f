import { endpoints } from '@lethe/infra'
import { Pool, type PoolClient } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventStoreContract } from './contract/index.js'
import { inTransaction, PgEventStore, TransactionAborted } from './index.js'
import { type ScratchDatabase, scratchDatabase } from './testing/scratch-database.js'

let database: ScratchDatabase
let pool: Pool
let store: PgEventStore

beforeAll(async () => {
  database = await scratchDatabase(endpoints().lethePostgresUrl)
  pool = new Pool({ connectionString: database.url, max: 16 })
  store = new PgEventStore(pool)
})
afterAll(async () => {
  await pool?.end()
  await database?.drop()
})

const written = (n: number) => ({ type: 'Written', data: { n } })

eventStoreContract('PostgreSQL', async () => store)

describe('what readers of the whole log are spared', () => {
  const open: PoolClient[] = []
  afterEach(async () => {
    for (const client of open.splice(0)) {
      await client.query('ROLLBACK')
      client.release()
    }
  })
  const begin = async () => {
    const client = await pool.connect()
    await client.query('BEGIN')
    open.push(client)
    return client
  }

  /** Other databases of the server hold the fence back, too: waits until everything is readable. */
  const endOfLog = async () => {
    for (;;) {
      const page = await store.readAll({ limit: 100_000 })
      const { rows } = await pool.query('SELECT count(*)::int AS n FROM events.events')
      if (page.events.length === rows[0].n) return page.next
    }
  }
  const nextPage = async (after: string | null, count: number) => {
    for (;;) {
      const page = await store.readAll({ after, limit: 10 })
      if (page.events.length >= count) return page
    }
  }

  it('an event with a lower position that commits later is not passed', async () => {
    const start = await endOfLog()
    const slow = await begin()
    await store.lockHeads(slow, ['slow'])
    await store.appendIn(slow, [{ streamId: 'slow', expectedVersion: 0, events: [written(1)] }])
    await store.append([{ streamId: 'fast', expectedVersion: 0, events: [written(1)] }])
    const during = await store.readAll({ after: start, limit: 10 })
    expect(during).toEqual({ events: [], next: start, end: true })
    await slow.query('COMMIT')
    const after = await nextPage(during.next, 2)
    expect(after.events.map(({ streamId }) => streamId)).toEqual(['slow', 'fast'])
  })

  it('a position drawn before the xid, and committed after a higher one, is still read', async () => {
    const start = await endOfLog()
    const late = await begin()
    // Takes position p without an xid, as any writer may who is stopped right there.
    const { rows } = await late.query(
      "SELECT nextval(pg_get_serial_sequence('events.events', 'position')) AS position",
    )
    await store.append([{ streamId: 'higher', expectedVersion: 0, events: [written(1)] }])
    const first = await nextPage(start, 1)
    expect(first.events.map(({ streamId }) => streamId)).toEqual(['higher'])
    await late.query("INSERT INTO events.streams VALUES ('lower', 1)")
    await late.query(
      `INSERT INTO events.events (stream_id, version, position, type, data)
       OVERRIDING SYSTEM VALUE VALUES ('lower', 1, $1, 'Written', '{}')`,
      [rows[0].position],
    )
    await late.query('COMMIT')
    const second = await nextPage(first.next, 1)
    expect(second.events.map(({ streamId }) => streamId)).toEqual(['lower'])
  })

  it('heads are refused once the transaction has written, or streams would be read out of order', async () => {
    const client = await begin()
    await client.query("INSERT INTO inbox.processed VALUES ('aggregator', 'm1')")
    await expect(store.lockHeads(client, ['any'])).rejects.toThrow('before the first write')
  })
})

describe('locks on stream heads', () => {
  it('hold back a second writer of a stream that does not exist yet', async () => {
    const order: string[] = []
    let firstHasLock = () => {}
    const locked = new Promise<void>((resolve) => {
      firstHasLock = resolve
    })
    const first = inTransaction(pool, async (client) => {
      await store.lockHeads(client, ['new-one'])
      firstHasLock()
      await waiterOn(pool)
      order.push('first')
      await store.appendIn(client, [{ streamId: 'new-one', expectedVersion: 0, events: [written(1)] }])
    })
    await locked
    await inTransaction(pool, async (client) => {
      const heads = await store.lockHeads(client, ['new-one'])
      order.push(`second at ${heads.get('new-one')}`)
    })
    await first
    expect(order).toEqual(['first', 'second at 1'])
  })

  it('never wait for each other in a circle, whatever the order they are named in', async () => {
    const ids = Array.from({ length: 40 }, (_, n) => `circle-${n}`)
    await Promise.all(
      Array.from({ length: 12 }, (_, writer) =>
        inTransaction(pool, async (client) => {
          const named = writer % 2 ? [...ids].reverse() : ids
          const heads = await store.lockHeads(client, named)
          await store.appendIn(
            client,
            named.map((streamId) => ({
              streamId,
              expectedVersion: heads.get(streamId) ?? 0,
              events: [written(writer)],
            })),
          )
        }),
      ),
    )
    for (const id of ids) expect(await store.readStream(id)).toHaveLength(12)
  })
})

describe('a transaction', () => {
  it('is not taken for committed when an error inside it was swallowed', async () => {
    const swallowing = inTransaction(pool, async (client) => {
      await store.lockHeads(client, ['swallowed'])
      await store.appendIn(client, [{ streamId: 'swallowed', expectedVersion: 0, events: [written(1)] }])
      await client.query('SELECT 1/0').catch(() => 'ignored')
    })
    await expect(swallowing).rejects.toBeInstanceOf(TransactionAborted)
    expect(await store.readStream('swallowed')).toEqual([])
  })

  it('writes a thousand streams in one statement and loads them in two', async () => {
    const batch = Array.from({ length: 1_000 }, (_, n) => ({
      streamId: `bulk-${n}`,
      expectedVersion: 0,
      events: [written(n), written(n + 1)],
    }))
    await store.append(batch)
    await store.saveSnapshots([{ streamId: 'bulk-7', version: 1, foldVersion: 3, state: { n: 7 } }])
    const loaded = await inTransaction(pool, (client) =>
      store.loadMany(
        client,
        batch.map(({ streamId }) => (streamId === 'bulk-8' ? { streamId, afterVersion: 1 } : { streamId })),
        3,
      ),
    )
    expect(loaded.size).toBe(1_000)
    expect(loaded.get('bulk-7')).toMatchObject({
      snapshot: { version: 1, state: { n: 7 } },
      tail: [{ version: 2 }],
    })
    expect(loaded.get('bulk-8')).toMatchObject({ snapshot: null, tail: [{ version: 2 }] })
    expect(loaded.get('bulk-9')).toMatchObject({ snapshot: null, tail: [{ version: 1 }, { version: 2 }] })
  })
})

/** Resolves when some session waits for an advisory lock of this database. */
async function waiterOn(db: Pool): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    const { rows } = await db.query(
      `SELECT count(*)::int AS waiting FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
    if (rows[0].waiting > 0) return
  }
  throw new Error('nobody waited for the lock')
}
