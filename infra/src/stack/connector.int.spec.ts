import { randomUUID } from 'node:crypto'
import { scratchDatabase } from '@lethe/event-store/testing'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectorStatus, registerOutboxConnector, removeOutboxConnector } from './connector.js'
import { openContext, type StackContext } from './context.js'
import { withClient } from './databases.js'
import { eventually } from './health.js'

describe('the outbox connector', () => {
  /** Of one test alone: Connect keeps a connector's place in the log when the connector is gone. */
  let name: string
  let slot: string
  let context: StackContext
  let drop: (() => Promise<void>) | undefined

  beforeEach(async () => {
    drop = undefined
    name = `lethe-spec-${randomUUID().slice(0, 8)}`
    slot = name.replaceAll('-', '_')
    const stack = await openContext()
    const database = await scratchDatabase(stack.at.lethePostgresUrl)
    context = { ...stack, at: { ...stack.at, lethePostgresUrl: database.url } }
    await registerOutboxConnector(context, undefined, name)
    drop = async () => {
      await removeOutboxConnector(context, name)
      const gone = async () => (await slotActive()) !== true
      await eventually(gone, { deadlineMs: 20_000, late: () => new Error('the slot is still in use') })
      await dropSlot()
      await database.drop()
    }
  })

  afterEach(() => drop?.())

  const query = (text: string, values: unknown[] = []) =>
    withClient(context.at.lethePostgresUrl, (client) => client.query(text, values))

  /** The process that reads the slot; null where none does. */
  async function reader(): Promise<number | null> {
    const { rows } = await query('SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1', [slot])
    return rows[0]?.active_pid ?? null
  }

  /** Null when there is no slot. */
  async function slotActive(): Promise<boolean | null> {
    const { rows } = await query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [slot])
    return rows[0]?.active ?? null
  }

  /** Ends its reader first; the reader comes back at once, so one of several tries meets the slot free. */
  async function dropSlot(): Promise<void> {
    const tried = async () => {
      await query(
        'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active',
        [slot],
      )
      await query(
        'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
        [slot],
      ).catch(inUse)
      return (await slotActive()) === null
    }
    await eventually(tried, {
      deadlineMs: 20_000,
      everyMs: 5,
      late: () => new Error('the slot can not be dropped'),
    })
  }

  const inUse = (error: unknown) => {
    if (!(error instanceof pg.DatabaseError && error.code === '55006')) throw error
  }

  /** Writes a message and waits until the connector has its place in the log written down, beyond it. */
  async function placeIsKept(): Promise<void> {
    const { rows } = await query('SELECT pg_current_wal_insert_lsn()::text AS at')
    await query(
      `INSERT INTO outbox.message (id, ce_id, aggregatetype, aggregateid, type, ce_time)
       VALUES (gen_random_uuid(), gen_random_uuid(), $1, 'key', 'Nothing', 0)`,
      [`${name}.read`],
    )
    const kept = async () => {
      const { rowCount } = await query(
        'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND confirmed_flush_lsn > $2::pg_lsn',
        [slot, rows[0].at],
      )
      return rowCount === 1
    }
    await eventually(kept, { deadlineMs: 90_000, late: () => new Error('the message was not read') })
  }

  const taskStates = async () =>
    (await connectorStatus(context.at.connectUrl, name))?.tasks.map(({ state }) => state)

  it('makes its slot anew after it was dropped, and reads on', async () => {
    await placeIsKept()
    await dropSlot()
    const back = async () => (await slotActive()) === true
    await eventually(back, { deadlineMs: 60_000, late: () => new Error('the slot did not come back') })
    expect(await taskStates()).toEqual(['RUNNING'])
    await placeIsKept()
  }, 240_000)

  it('would stop for good if it insisted on its place in the log: what this configuration is for', async () => {
    const url = `${context.at.connectUrl}/connectors/${name}/config`
    const config = (await (await fetch(url)).json()) as Record<string, string>
    const body = JSON.stringify({ ...config, 'snapshot.mode': 'no_data' })
    await placeIsKept()
    const before = await reader()
    await fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body })
    // The task of before the change reads on for a moment, and would make the slot anew.
    const changed = async () => ![null, before].includes(await reader())
    await eventually(changed, { deadlineMs: 60_000, late: () => new Error('the task was not begun anew') })
    await placeIsKept()
    await dropSlot()
    const failed = async () => (await taskStates())?.[0] === 'FAILED'
    await eventually(failed, { deadlineMs: 60_000, late: () => new Error('it went on after all') })
  }, 240_000)
})
