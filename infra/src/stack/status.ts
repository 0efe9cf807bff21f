import { existsSync, readFileSync } from 'node:fs'
import { ClusterView, type GroupLag } from '@lethe/messaging'
import { type Endpoints, endpoints } from '../endpoints.js'
import { connectorStatus } from './connector.js'
import { withClient } from './databases.js'
import { headPlace } from './head.js'
import { accepts } from './health.js'
import { isRunning, StateDir } from './state.js'

/** A measurement, or why there is none: what could not be asked is never shown as zero. */
export type Known<T> = { known: true; value: T } | { known: false; why: string }

export interface ProcessStatus {
  name: string
  pid: number
  state: 'running' | 'not answering' | 'dead'
  ports: number[]
  /** Epoch milliseconds. */
  startedAt: number
  log: string
}

export interface SlotStatus {
  slot: string
  active: boolean
  /** Bytes of write-ahead log the reader has not confirmed. */
  lagBytes: number | null
  /** `reserved`, `extended`, `unreserved` (about to be lost) or `lost`. */
  walStatus: string | null
}

export interface StackStatus {
  processes: ProcessStatus[]
  topics: Known<{ topic: string; partitions: number; records: number }[]>
  lags: Known<GroupLag[]>
  slots: Known<SlotStatus[]>
  /** State of the outbox connector's task. */
  outboxConnector: Known<string>
  /** Gates that were ever shut. */
  gates: Known<{ systemId: string; state: string; why: string | null }[]>
  /** Whether Lethe's own database is the one it last worked with. */
  self: Known<string>
}

const ASK_MS = 10_000

/** Asks every part at once; a part that does not answer within 10 s is reported as unknown with the reason. */
export async function status(): Promise<StackStatus> {
  const state = new StateDir()
  const stack = state.stack()
  const at = endpoints(stack?.portOffset)
  const [processes, kafka, slots, outboxConnector, gates, self] = await Promise.all([
    processStatuses(state),
    known(() => kafkaStatus(at)),
    known(() => slotStatuses(at)),
    known(() => taskState(at)),
    known(() => gatesOf(at)),
    known(() => selfOf(at)),
  ])
  const part = <K extends 'topics' | 'lags'>(key: K) =>
    kafka.known ? { known: true as const, value: kafka.value[key] } : kafka
  return { processes, topics: part('topics'), lags: part('lags'), slots, outboxConnector, gates, self }
}

function processStatuses(state: StateDir): Promise<ProcessStatus[]> {
  const records = state.records().sort((a, b) => a.startedAt - b.startedAt)
  return Promise.all(
    records.map(async (record) => {
      const { name, pid, ports, startedAt, log } = record
      const answering = (await Promise.all(ports.map((port) => accepts(port)))).every(Boolean)
      const running = answering ? 'running' : 'not answering'
      return { name, pid, ports, startedAt, log, state: isRunning(record) ? running : 'dead' }
    }),
  )
}

async function kafkaStatus(at: Endpoints) {
  // A closed port is told apart quickly; kafkajs would retry for half a minute.
  if (!(await accepts(at.ports.kafka))) throw new Error('Kafka is not running')
  const admin = await ClusterView.open({ brokers: at.brokers, clientId: 'lethe-status' })
  try {
    return { topics: await admin.topics(), lags: await admin.lags() }
  } finally {
    await admin.close()
  }
}

function slotStatuses(at: Endpoints): Promise<SlotStatus[]> {
  return withClient(at.lethePostgresUrl, async (client) => {
    const { rows } = await client.query<{
      slot: string
      active: boolean
      lag: string | null
      wal: string | null
    }>(
      `SELECT slot_name AS slot, active, wal_status AS wal,
              pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) AS lag
         FROM pg_replication_slots ORDER BY slot_name`,
    )
    return rows.map(({ slot, active, lag, wal }) => ({
      slot,
      active,
      lagBytes: lag === null ? null : Number(lag),
      walStatus: wal,
    }))
  })
}

function gatesOf(at: Endpoints) {
  return withClient(at.lethePostgresUrl, async (client) => {
    const { rows } = await client.query<{ systemId: string; state: string; why: string | null }>(
      `SELECT system_id AS "systemId", state, reason AS why FROM restore.gates ORDER BY system_id`,
    )
    return rows
  })
}

/** As the services see it: the beat in the database against the head file. */
function selfOf(at: Endpoints): Promise<string> {
  return withClient(at.lethePostgresUrl, async (client) => {
    const { rows } = await client.query<{ beat: string; suspicion: string | null }>(
      'SELECT beat, suspicion FROM restore.self',
    )
    const place = headPlace(process.env)
    const text = place !== null && existsSync(place.file) ? readFileSync(place.file, 'utf8') : ''
    if (text === '' && rows.length === 0) return 'no head is kept yet'
    const head = JSON.parse(text.split('\n')[0] || '{}') as Record<string, unknown>
    const beat = rows[0]?.beat
    const same = beat !== undefined && [head.current, head.previous, head.pending].includes(beat)
    return same && rows[0]?.suspicion === null
      ? 'the database is the one Lethe last worked with'
      : 'RESTORED: the database is not the one Lethe last worked with; everything waits. See: lethe restore self'
  })
}

async function taskState(at: Endpoints): Promise<string> {
  const found = await connectorStatus(at.connectUrl)
  return found ? (found.tasks[0]?.state ?? 'without a task') : 'not registered'
}

async function known<T>(ask: () => Promise<T>): Promise<Known<T>> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ASK_MS / 1000} s`)), ASK_MS)
  })
  try {
    return { known: true, value: await Promise.race([ask(), late]) }
  } catch (error) {
    return { known: false, why: error instanceof Error ? error.message || error.name : String(error) }
  } finally {
    clearTimeout(timer)
  }
}
