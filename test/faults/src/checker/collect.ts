import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { Entry } from '../run/history.js'
import type { Acknowledgement, DeadLetter, Evidence, LogRow, RequestRow } from './evidence.js'
import { type StoreAddresses, sightAll, withClient } from './stores.js'

export interface Places {
  readonly lethe: string
  readonly stores: StoreAddresses
  readonly brokers: readonly string[]
  readonly trueCounts: Evidence['trueCounts']
  readonly keptMs: Evidence['keptMs']
  /** Logs of Lethe's processes and of what they stand on; not of the stores, which hold the people. */
  readonly logs: readonly string[]
}

/** Reads the log, the read models, the stores and the topics. Nothing may be moving any more. */
export async function collect(history: readonly Entry[], at: Places): Promise<Evidence> {
  const asked = history.filter((entry) => entry.type === 'asked')
  const customers = [...new Set(asked.map(({ customer }) => customer))]
  const [database, left, receipts, topics] = await Promise.all([
    fromDatabase(at.lethe),
    sightAll(at.stores, customers),
    receiptsOf(at.stores.shopPg),
    fromKafka(at.brokers),
  ])
  return {
    history,
    ...database,
    ...topics,
    searched: [...topics.searched, ...at.logs.map((file) => inLog(file))],
    keptMs: at.keptMs,
    left,
    receipts,
    trueCounts: at.trueCounts,
  }
}

async function fromDatabase(url: string) {
  return withClient(url, async (client) => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const rows = async <T>(text: string): Promise<T[]> => (await client.query(text)).rows as T[]
    const log = new Map<string, LogRow[]>()
    for (const row of await rows<LogRow & { version: string }>(
      'SELECT stream_id AS stream, version, type, data FROM events.events ORDER BY stream_id, version',
    )) {
      const own = log.get(row.stream)
      const read = { ...row, version: Number(row.version) }
      if (own) own.push(read)
      else log.set(row.stream, [read])
    }
    const heads = await rows<{ stream_id: string; version: string }>('SELECT * FROM events.streams')
    const snapshots = await rows<{ stream: string; version: string; state: Record<string, unknown> }>(
      'SELECT stream_id AS stream, version, state FROM events.snapshots',
    )
    const requests = (await rows<Record<string, never>>('SELECT * FROM read_model.requests')).map(requestRow)
    const steps = await rows<Evidence['steps'][number]>(
      'SELECT request_id AS "requestId", step_id AS "stepId", system_id AS "systemId", status FROM read_model.steps',
    )
    const idempotency = await rows<Evidence['idempotency'][number]>(
      'SELECT tenant_id || digest AS digest, request_id AS "requestId" FROM events.idempotency',
    )
    const offsets = await rows<{ partition: number; next_offset: string }>(
      "SELECT partition, next_offset FROM inbox.offsets WHERE topic = 'erasure.acknowledged'",
    )
    const inbox = await rows<{ message_id: string }>('SELECT message_id FROM inbox.processed')
    const tombstones = await rows<Evidence['tombstones'][number] & { expiresAt: string }>(
      'SELECT tombstone_id AS "tombstoneId", request_id AS "requestId", system_id AS "systemId", expires_at AS "expiresAt" FROM read_model.tombstones',
    )
    const [outbox] = await rows<{ n: number }>('SELECT count(*)::int AS n FROM outbox.message')
    await client.query('COMMIT')
    return {
      log,
      heads: new Map(heads.map(({ stream_id, version }) => [stream_id, Number(version)])),
      snapshots: snapshots.map((one) => ({ ...one, version: Number(one.version) })),
      requests: new Map(requests.map((row) => [row.requestId, row])),
      steps,
      idempotency,
      folded: new Map(offsets.map(({ partition, next_offset }) => [partition, Number(next_offset)])),
      inbox: new Set(inbox.map(({ message_id }) => message_id)),
      outboxPending: outbox?.n ?? -1,
      tombstones: tombstones.map((one) => ({ ...one, expiresAt: Number(one.expiresAt) })),
    }
  })
}

function requestRow(row: Record<string, unknown>): RequestRow {
  const time = (value: unknown) => (value === null ? null : Number(value))
  return {
    requestId: String(row['request_id']),
    version: Number(row['version']),
    status: String(row['status']),
    attention: row['attention'] as RequestRow['attention'],
    firstGrantAt: time(row['first_grant_at']),
    liveErasedAt: time(row['live_erased_at']),
    completedAt: time(row['completed_at']),
    intakeHolds: (row['holds'] as unknown[]).length,
  }
}

async function receiptsOf(url: string): Promise<Evidence['receipts']> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(
      `SELECT request_id AS "requestId", pass_id AS "passId", extract(epoch FROM written_at) * 1000 AS "writtenAt" FROM lethe.receipts`,
    )
    return rows.map((row) => ({ ...row, writtenAt: Number(row.writtenAt) }))
  })
}

const lethesTopics = [
  'erasure.intake',
  'erasure.requested',
  'erasure.probe.requested',
  'erasure.acknowledged',
  'erasure.status',
  'erasure.tombstones',
]

interface Read {
  readonly headers: Readonly<Record<string, string>>
  readonly key: string
  /** Bytes as text: an address in a record is readable in it, whatever stands around it. */
  readonly value: string
}

/** Every customer's address has this form; what is put in its place does not. */
const addressesIn = (text: string): number => text.match(/customer\d+@example\.com/g)?.length ?? 0

function inLog(file: string): Evidence['searched'][number] {
  const text = readFileSync(file, 'utf8')
  return { place: `the log ${basename(file)}`, bytes: text.length, found: addressesIn(text) }
}

/** Headers and keys are plain text, so nothing has to be decoded. */
async function fromKafka(brokers: readonly string[]) {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'fault-checker', logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  try {
    const names = (await admin.listTopics()).filter((name) => name.endsWith('.dlq'))
    const topics = [...lethesTopics, ...names]
    const ends = new Map<string, Map<number, number>>()
    for (const topic of topics) {
      const offsets = await admin.fetchTopicOffsets(topic)
      ends.set(topic, new Map(offsets.map(({ partition, high }) => [partition, Number(high)])))
    }
    const acknowledged: Acknowledgement[] = []
    const deadLetters: DeadLetter[] = []
    const statusIds = new Map<string, Set<string>>()
    const publishedTombstones = new Set<string>()
    const searched = new Map(topics.map((place) => [place, { place, bytes: 0, found: 0 }]))
    await readAll(kafka, ends, (topic, partition, offset, { headers, key, value }) => {
      const place = searched.get(topic)
      if (place) {
        place.bytes += value.length
        place.found += addressesIn(value)
      }
      if (topic === 'erasure.tombstones') publishedTombstones.add(key)
      if (topic === 'erasure.status')
        statusIds.set(key, (statusIds.get(key) ?? new Set()).add(headers['ce_id'] ?? ''))
      if (topic === 'erasure.acknowledged')
        acknowledged.push({ partition, offset, id: headers['ce_id'] ?? '' })
      else if (headers['dlq-group'] !== undefined)
        deadLetters.push({
          group: headers['dlq-group'],
          topic: headers['dlq-topic'] ?? '',
          partition: Number(headers['dlq-partition']),
          offset: headers['dlq-offset'] ?? '',
          code: headers['dlq-code'] ?? '',
        })
    })
    return {
      acknowledged,
      deadLetters,
      acknowledgedEnds: ends.get('erasure.acknowledged') ?? new Map(),
      publishedTombstones,
      statusMessages: new Map([...statusIds].map(([key, ids]) => [key, ids.size])),
      searched: [...searched.values()],
    }
  } finally {
    await admin.disconnect()
  }
}

const READ_MS = 120_000

async function readAll(
  kafka: Kafka,
  ends: ReadonlyMap<string, ReadonlyMap<number, number>>,
  see: (topic: string, partition: number, offset: string, record: Read) => void,
): Promise<void> {
  const left = new Set<string>()
  for (const [topic, partitions] of ends)
    for (const [partition, end] of partitions) if (end > 0) left.add(`${topic}/${partition}`)
  if (left.size === 0) return
  const consumer = kafka.consumer({ groupId: `fault-checker-${process.pid}-${Date.now()}` })
  await consumer.connect()
  try {
    await consumer.subscribe({ topics: [...ends.keys()], fromBeginning: true })
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`not read to the end: ${[...left].join(', ')}`)),
        READ_MS,
      )
      const ended = () => {
        clearTimeout(late)
        resolve()
      }
      consumer
        .run({
          eachBatch: async ({ batch: { topic, partition, messages }, resolveOffset, heartbeat }) => {
            for (const { offset, headers, key, value } of messages) {
              const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)])
              const read = {
                headers: Object.fromEntries(texts),
                key: String(key ?? ''),
                value: String(value ?? ''),
              }
              see(topic, partition, offset, read)
              resolveOffset(offset)
              if (Number(offset) + 1 >= (ends.get(topic)?.get(partition) ?? 0))
                left.delete(`${topic}/${partition}`)
            }
            await heartbeat()
            if (left.size === 0) ended()
          },
        })
        .catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
}
