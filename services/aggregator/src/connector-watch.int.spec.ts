import { randomUUID } from 'node:crypto'
import { scratchDatabase } from '@lethe/event-store/testing'
import {
  eventually,
  openContext,
  registerOutboxConnector,
  removeOutboxConnector,
  type StackContext,
  withClient,
} from '@lethe/infra'
import { createLogger } from '@lethe/service-host'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HttpConnect } from './adapters/connect.js'
import { ConnectorWatch } from './application/connector-watch.js'

describe('the watch over a connector of a real Connect', () => {
  const connector = `lethe-spec-${randomUUID().slice(0, 8)}`
  const slot = connector.replaceAll('-', '_')
  let context: StackContext
  let watch: ConnectorWatch
  let connect: HttpConnect
  let drop: () => Promise<void>

  const query = (text: string) =>
    withClient(context.at.lethePostgresUrl, (client) => client.query(text, [slot]))
  const endReader = () =>
    query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active')
  const comesTo = (state: string) =>
    eventually(async () => (await watch.look()) === state, {
      deadlineMs: 90_000,
      everyMs: 200,
      late: () => new Error(`the connector did not come to be ${state}`),
    })

  beforeAll(async () => {
    const stack = await openContext()
    const database = await scratchDatabase(stack.at.lethePostgresUrl)
    context = { ...stack, at: { ...stack.at, lethePostgresUrl: database.url } }
    await registerOutboxConnector(context, undefined, connector)
    // Of itself it tries again for ever; so it fails with the first lost connection, also with one lost while it starts.
    const url = `${context.at.connectUrl}/connectors/${connector}/config`
    const config = (await (await fetch(url)).json()) as Record<string, string>
    const body = JSON.stringify({
      ...config,
      'errors.max.retries': '0',
      'slot.max.retries': '1',
      'slot.retry.delay.ms': '200',
    })
    await fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body })
    connect = new HttpConnect(context.at.connectUrl)
    const logger = createLogger('spec', { level: 'silent' })
    watch = new ConnectorWatch({ connector, connect, logger, firstWaitMs: 500, longestWaitMs: 1_000 })
    await comesTo('running')
    drop = async () => {
      await removeOutboxConnector(context, connector)
      const dropped = async () => {
        await endReader()
        const { rowCount } = await query('SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active')
        return rowCount === 0
      }
      await eventually(dropped, { deadlineMs: 20_000, late: () => new Error('the slot is still in use') })
      await query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1')
      await database.drop()
    }
  }, 200_000)
  afterAll(() => drop?.(), 60_000)

  /** What Connect says of the task, asked by somebody who restarts nothing. */
  const failure = async () =>
    (await connect.parts(connector))?.find(({ state }) => state === 'FAILED') ?? null

  it('sees a task fail that nobody else would restart, and makes it read the log again', async () => {
    const hasFailed = async () => {
      await endReader()
      return (await failure()) !== null
    }
    await eventually(hasFailed, {
      deadlineMs: 90_000,
      everyMs: 1_000,
      late: () => new Error('the task did not fail'),
    })
    expect(await failure()).toMatchObject({
      name: 'task 0',
      failure: expect.arrayContaining([expect.stringMatching(/Exception$/)]),
    })
    expect(await watch.look()).toBe('failed')
    const reads = async () => {
      const running = (await watch.look()) === 'running'
      const { rows } = await query('SELECT active FROM pg_replication_slots WHERE slot_name = $1')
      return running && rows[0]?.active === true
    }
    await eventually(reads, {
      deadlineMs: 90_000,
      everyMs: 200,
      late: () => new Error('nobody reads the log'),
    })
  }, 200_000)

  it('takes neither a connector nobody knows nor a Connect that does not answer for one that runs', async () => {
    const logger = createLogger('spec', { level: 'silent' })
    const stateOf = (name: string, address: string) =>
      new ConnectorWatch({ connector: name, connect: new HttpConnect(address), logger }).look()
    expect(await stateOf(`${connector}-not`, context.at.connectUrl)).toBe('missing')
    expect(await stateOf(connector, 'http://127.0.0.1:1')).toBe('unknown')
  })
})
