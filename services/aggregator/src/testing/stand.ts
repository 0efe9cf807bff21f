import { randomUUID } from 'node:crypto'
import { PgEventStore } from '@lethe/event-store'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints, eventually } from '@lethe/infra'
import { createTopics, type KafkaConfig, MessageCodec, MessageProducer, withAdmin } from '@lethe/messaging'
import { RequestLog } from '@lethe/request-log'
import { deriveMacKey, macOf, type TopicName, type wire } from '@lethe/schemas'
import { createLogger, type RunningService, startService } from '@lethe/service-host'
import { Pool } from 'pg'
import type { AggregatorConfig } from '../config.js'
import { aggregatorService } from '../service.js'

export const SECRET = 'the grant secret of the aggregator specs'
const { brokers, registryUrl, lethePostgresUrl } = endpoints()

/** A database and topics of its own, and as many aggregators on them as a spec wants. */
export class Stand {
  readonly log: RequestLog
  private readonly services: RunningService[] = []

  private constructor(
    readonly pool: Pool,
    /** A writer of the log with a cache of its own, as another process is. */
    readonly writer: () => RequestLog,
    readonly producer: MessageProducer,
    readonly config: AggregatorConfig,
    private readonly dropDatabase: () => Promise<void>,
  ) {
    this.log = writer()
  }

  static async open(): Promise<Stand> {
    const database = await scratchDatabase(lethePostgresUrl)
    const topicPrefix = `aggregator-${randomUUID().slice(0, 8)}.`
    const kafka: KafkaConfig = { brokers, clientId: 'aggregator-spec', topicPrefix }
    const pool = new Pool({ connectionString: database.url, max: 6 })
    pool.on('error', () => {})
    const codec = await MessageCodec.connect(registryUrl, { register: true })
    await createTopics(kafka, { groups: { aggregator: ['erasure.acknowledged'] } })
    const encode = (topic: string, type: string, value: unknown) =>
      codec.encode(topic as TopicName, type, value)
    const writer = () => new RequestLog({ pool, eventStore: new PgEventStore(pool), encode, topicPrefix })
    const config: AggregatorConfig = {
      pgUrl: database.url,
      kafka,
      registryUrl,
      grantSecret: SECRET,
      head: null,
      port: 0,
      topicPrefix,
      tickMs: 20,
      inboxKeepMs: 97 * 86_400_000,
      pruneEveryMs: 86_400_000,
      watch: null,
      tuning: {
        maxWaitMs: 50,
        heartbeatIntervalMs: 200,
        retryBackoffMs: { first: 20, longest: 100 },
        pauseBackoffMs: { first: 50, longest: 200 },
      },
    }
    const producer = new MessageProducer({ kafka, codec })
    const stand = new Stand(pool, writer, producer, config, () => database.drop())
    await stand.topicsAreLed()
    return stand
  }

  /** A broker answers for a new partition a moment after the cluster says that it leads it. */
  private async topicsAreLed(): Promise<void> {
    const led = () =>
      this.kafkaOffsets().then(
        () => true,
        () => false,
      )
    await eventually(led, { deadlineMs: 30_000, late: () => new Error('the topics are not led') })
  }

  async start(change: Partial<AggregatorConfig> = {}): Promise<RunningService> {
    const logger = createLogger('aggregator-spec', { level: 'silent' })
    const service = await startService(await aggregatorService({ ...this.config, ...change }, logger))
    this.services.push(service)
    return service
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.services.splice(0).map((service) => service.stop()))
  }

  /** Requests with one system; those without a grace period have a grant for their first pass. */
  async requests(count: number, graceUntil: number | null = null): Promise<string[]> {
    const ids = Array.from({ length: count }, () => `req-${randomUUID()}`)
    const now = Date.now()
    await this.log.transact(ids, async (tx) => {
      for (const id of ids) {
        tx.apply(id, received(id, now, graceUntil), now)
        tx.apply(id, { type: 'FreezePlan', plan }, now)
        if (graceUntil === null) tx.apply(id, granted(id), now)
      }
    })
    return ids
  }

  /** Puts messages on one partition, in this order. */
  async send(
    messages: readonly (wire.ErasureAcknowledged | wire.ProbeReported)[],
    key?: string,
  ): Promise<void> {
    await this.producer.send(
      messages.map((value) => ({
        topic: 'erasure.acknowledged',
        key: key ?? value.subjectRef,
        type: 'ackId' in value ? 'ErasureAcknowledged' : 'ProbeReported',
        value,
      })),
    )
  }

  /** Types of the events of one stream, in order. */
  async events(requestId: string): Promise<string[]> {
    const { rows } = await this.pool.query<{ type: string }>(
      'SELECT type FROM events.events WHERE stream_id = $1 ORDER BY version',
      [requestId],
    )
    return rows.map(({ type }) => type)
  }

  /** How often each of the streams has an event of this type. */
  async occurrences(requestIds: readonly string[], type: string): Promise<number[]> {
    const { rows } = await this.pool.query<{ n: string }>(
      `SELECT count(e.version) AS n FROM unnest($1::text[]) AS id
       LEFT JOIN events.events e ON e.stream_id = id AND e.type = $2 GROUP BY id`,
      [requestIds, type],
    )
    return rows.map(({ n }) => Number(n))
  }

  /** Stored offsets by partition. */
  async stored(): Promise<Map<number, number>> {
    const { rows } = await this.pool.query<{ partition: number; next_offset: string }>(
      'SELECT partition, next_offset FROM inbox.offsets',
    )
    return new Map(rows.map((row) => [row.partition, Number(row.next_offset)]))
  }

  /** Ends of the partitions, and what Kafka has of the stored offsets; -1 for nothing. */
  async kafkaOffsets(): Promise<{ end: number; committed: number }[]> {
    const prefix = this.config.topicPrefix
    const topic = `${prefix}erasure.acknowledged`
    return withAdmin(this.config.kafka, async (admin) => {
      const ends = await admin.topicOffsets(topic)
      const [answer] = await admin.committedOffsets(`${prefix}aggregator`, [topic])
      const committed = new Map(answer?.partitions.map(({ partition, offset }) => [partition, offset]))
      return ends
        .toSorted((a, b) => a.partition - b.partition)
        .map(({ partition, high }) => ({
          end: Number(high),
          committed: Number(committed.get(partition) ?? -1),
        }))
    })
  }

  async drop(): Promise<void> {
    await this.stopAll()
    await this.producer.disconnect()
    await this.pool.end()
    await this.dropDatabase()
    await withAdmin(this.config.kafka, async (admin) => {
      const mine = (await admin.listTopics()).filter((name) => name.startsWith(this.config.topicPrefix))
      await admin.deleteTopics(mine)
    })
  }
}

const received = (requestId: string, now: number, graceUntil: number | null) =>
  ({
    type: 'Receive',
    received: {
      requestId,
      tenantId: 'acme',
      subjectRef: `subject-of-${requestId}`,
      regime: 'gdpr',
      receivedAt: now,
      dueAt: now + 30 * 86_400_000,
      channel: 'http',
      requesterRole: 'self',
      requestedBy: 'credential-1',
      ground: '17(1)(a)',
      graceUntil,
      intakeKey: null,
      approvalRequired: false,
      recurEvery: null,
    },
    identity: { method: 'attested', by: 'credential-1', at: now },
  }) as const

const plan = {
  mapVersion: 1,
  mapDigest: 'sha256:map',
  steps: [{ stepId: 'shop-pg#1', systemId: 'shop-pg', stage: 1, after: [] }],
  systems: [
    {
      systemId: 'shop-pg',
      kind: 'postgres',
      settleMs: 0,
      ceiling: null,
      backups: [],
      derivedFrom: [],
      byHand: null,
    },
  ],
  notApplicable: [],
} as const

const PASS = { systemId: 'shop-pg', stepId: 'shop-pg#1', passId: 'shop-pg#1/initial', attempt: 1 } as const
const grantOf = (requestId: string) => `grant-of-${requestId}`

const granted = (requestId: string) =>
  ({
    type: 'IssueGrant',
    ...PASS,
    grantId: grantOf(requestId),
    ttlMs: 10_000,
    tombstone: { tombstoneId: `tombstone-of-${requestId}`, epoch: 'epoch-1' },
  }) as const

/** A sealed acknowledgement of a request's first pass; the same one whenever it is asked for. */
export function acknowledgement(
  requestId: string,
  change: Partial<wire.ErasureAcknowledged> = {},
): wire.ErasureAcknowledged {
  const grantId = grantOf(requestId)
  const unsealed: Omit<wire.ErasureAcknowledged, 'mac'> = {
    ackId: `ack-of-${requestId}`,
    requestId,
    tenantId: 'acme',
    subjectRef: `subject-of-${requestId}`,
    ...PASS,
    startedAt: 1,
    finishedAt: 2,
    outcome: 'erased',
    counts: { users: { found: 1, erased: 1, redacted: 0, retained: 0, failed: 0 } },
    position: null,
    errorCode: null,
    errorClass: null,
    nextRetryAt: null,
    vendorRef: null,
    vendorExpectedAt: null,
    retained: [],
    expiring: null,
    connectorVersion: '1',
    grantId,
    ...change,
  }
  const key = deriveMacKey(SECRET, { purpose: 'ack', requestId, ...PASS, grantId })
  return { ...unsealed, mac: macOf(unsealed, key) }
}
