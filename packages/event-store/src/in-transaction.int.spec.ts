import { endpoints } from '@lethe/infra'
import { Pool, type PoolClient } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { inSnapshot, inTransaction } from './index.js'

const pool = new Pool({ connectionString: endpoints().lethePostgresUrl, max: 2 })
afterAll(() => pool.end())

/** Ends the connection as a server does that is shut down, between two statements, and goes on. */
async function lost(client: PoolClient): Promise<unknown> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
  await ended
  return client.query('SELECT 1')
}

describe.each([
  ['a transaction', inTransaction],
  ['a snapshot', inSnapshot],
])('%s', (_, begun) => {
  it('whose connection is lost fails, ends no process, and leaves no dead connection in the pool', async () => {
    await expect(begun(pool, lost)).rejects.toThrow(/not queryable|terminated/)
    for (let n = 0; n < 4; n++)
      expect(await begun(pool, async (client) => (await client.query('SELECT 1 AS one')).rows)).toEqual([
        { one: 1 },
      ])
  })
})

describe('a snapshot', () => {
  it('is of one moment', async () => {
    const snapshot = 'SELECT pg_current_snapshot()::text AS s'
    const [first, second] = await inSnapshot(pool, async (client) => {
      const before = await client.query(snapshot)
      await pool.query('SELECT pg_current_xact_id()')
      return [before.rows, (await client.query(snapshot)).rows]
    })
    expect(second).toEqual(first)
  })

  it('has the settings it begins with, which end with it', async () => {
    const settings = 'SET TRANSACTION READ ONLY; SET LOCAL enable_seqscan = off'
    const shown = inSnapshot(pool, (client) => client.query('SHOW enable_seqscan'), settings)
    expect((await shown).rows).toEqual([{ enable_seqscan: 'off' }])
    const writing = inSnapshot(pool, (client) => client.query('CREATE TABLE never (n int)'), settings)
    await expect(writing).rejects.toThrow('read-only')
    expect((await pool.query('SHOW enable_seqscan')).rows).toEqual([{ enable_seqscan: 'on' }])
  })
})
