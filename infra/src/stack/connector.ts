import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StackContext } from './context.js'
import { eventually } from './health.js'
import { rootDir } from './state.js'

/** Name of the local stack's connector; its slot has the same name with underscores. */
export const OUTBOX_CONNECTOR = 'lethe-outbox'

interface ConnectorStatus {
  connector: { state: string; trace?: string }
  tasks: { id: number; state: string; trace?: string }[]
}

/**
 * Registers Debezium's outbox connector, or brings it to today's configuration, and waits until its task
 * reads the log. Idempotent. Rejects with the connector's own error when it fails.
 */
export async function registerOutboxConnector(
  context: StackContext,
  signal?: AbortSignal,
  name: string = OUTBOX_CONNECTOR,
): Promise<void> {
  const { at } = context
  const url = `${at.connectUrl}/connectors/${name}`
  await put(`${url}/config`, outboxConfig(context, name), signal)
  const running = async () => {
    const status = await connectorStatus(at.connectUrl, name)
    const failed = [status?.connector, ...(status?.tasks ?? [])].find((part) => part?.state === 'FAILED')
    if (failed) throw new Error(`The outbox connector failed: ${failed.trace?.split('\n')[0] ?? 'no trace'}`)
    return status?.tasks[0]?.state === 'RUNNING'
  }
  const late = () => new Error('The outbox connector was not running within 60 s; see: lethe logs connect')
  await eventually(running, { deadlineMs: 60_000, late, ...(signal ? { signal } : {}) })
}

/** What Connect says about the outbox connector; null when it does not know it. */
export async function connectorStatus(
  connectUrl: string,
  name: string = OUTBOX_CONNECTOR,
): Promise<ConnectorStatus | null> {
  const response = await fetch(`${connectUrl}/connectors/${name}/status`, {
    signal: AbortSignal.timeout(5_000),
  })
  if (response.status === 404) return null
  if (!response.ok) throw new Error(`Kafka Connect answered HTTP ${response.status}`)
  return (await response.json()) as ConnectorStatus
}

/** Stops publishing and forgets the connector; its replication slot stays. Idempotent. */
export async function removeOutboxConnector({ at }: StackContext, name: string): Promise<void> {
  const response = await fetch(`${at.connectUrl}/connectors/${name}`, {
    method: 'DELETE',
    signal: AbortSignal.timeout(30_000),
  })
  if (!response.ok && response.status !== 404)
    throw new Error(`Kafka Connect answered HTTP ${response.status}`)
}

function outboxConfig({ at, secrets, docker }: StackContext, name: string): Record<string, string> {
  const file = join(rootDir, 'infra', 'connect', 'outbox.json')
  return {
    ...(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>),
    // In compose, Connect reaches the database inside the containers' network.
    'database.hostname': docker ? 'lethe-postgres' : '127.0.0.1',
    'database.port': docker ? '5432' : String(at.ports.lethePostgres),
    'database.dbname': new URL(at.lethePostgresUrl).pathname.slice(1),
    'slot.name': name.replaceAll('-', '_'),
    'topic.prefix': name,
    'database.user': 'lethe_connect',
    'database.password': secrets.password('lethe_connect'),
  }
}

/** Connect answers 409 while its group rebalances, which right after its start it does. */
async function put(url: string, body: Record<string, string>, signal?: AbortSignal): Promise<void> {
  let answer = ''
  const accepted = async () => {
    const response = await fetch(url, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    answer = `HTTP ${response.status} ${(await response.text()).slice(0, 500)}`
    if (response.status >= 400 && response.status !== 409 && response.status < 500)
      throw new Error(`Kafka Connect refused the outbox connector: ${answer}`)
    return response.ok
  }
  const late = () => new Error(`Kafka Connect did not take the outbox connector: ${answer}`)
  await eventually(accepted, { deadlineMs: 60_000, everyMs: 500, late, ...(signal ? { signal } : {}) })
}
