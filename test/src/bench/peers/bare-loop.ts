import { randomBytes, randomUUID } from 'node:crypto'
import { registerOutboxConnector, removeOutboxConnector, type StackContext, withClient } from '@lethe/infra'
import { type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import pg from 'pg'
import { createDatabase, dropDatabase } from '../pipeline/installation.js'

/** When one message passed each place, epoch milliseconds; the spaces between are the bare hops. */
export interface BareTimes {
  sent: number
  inserted: number
  consumed: number
  acknowledged: number
  recorded: number
}

/**
 * The floor that any design on change data capture stands on: a row is inserted, Debezium publishes it, a consumer
 * acknowledges it on a second topic, and a second consumer inserts that. One insert per request over pooled
 * connections; acknowledgements are inserted in the batches they come in. It decides, seals and checks nothing.
 */
export class BareLoop {
  private readonly times = new Map<string, BareTimes>()
  private recorded = 0
  private pool: pg.Pool
  private readonly consumers: Consumer[] = []
  private producer: Producer | null = null

  private constructor(
    private readonly context: StackContext,
    private readonly url: string,
    private readonly name: string,
  ) {
    this.pool = new pg.Pool({ connectionString: url, max: 32 })
    this.pool.on('error', () => {})
  }

  static async open(base: StackContext): Promise<BareLoop> {
    const suffix = randomBytes(4).toString('hex')
    const url = new URL(`/bare_${suffix}`, base.at.lethePostgresUrl).href
    await createDatabase(url)
    await withClient(url, (client) => client.query(TABLES))
    const name = `bare-${suffix}`
    const context = { ...base, at: { ...base.at, lethePostgresUrl: url } }
    const loop = new BareLoop(context, url, name)
    await loop.connect()
    return loop
  }

  /** Sends `count` messages through the loop, `concurrency` inserts at once. */
  async run(count: number, concurrency: number): Promise<void> {
    const until = this.recorded + count
    let left = count
    const worker = async () => {
      while (left-- > 0) await this.send()
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    while (this.recorded < until) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  /** One message every `1000 / perSecond` ms; what each hop took. */
  async timed(count: number, perSecond: number): Promise<BareTimes[]> {
    this.times.clear()
    const begin = Date.now()
    const sends: Promise<void>[] = []
    const until = this.recorded + count
    while (sends.length < count) {
      const wait = begin + (sends.length * 1_000) / perSecond - Date.now()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      else sends.push(this.send())
    }
    await Promise.all(sends)
    while (this.recorded < until) await new Promise((resolve) => setTimeout(resolve, 5))
    return [...this.times.values()]
  }

  async close(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.disconnect()))
    await this.producer?.disconnect()
    await this.pool.end()
    await removeOutboxConnector(this.context, this.name)
    await dropDatabase(this.url, this.name.replaceAll('-', '_'))
  }

  private async send(): Promise<void> {
    const id = randomUUID()
    const times = { sent: now(), inserted: 0, consumed: 0, acknowledged: 0, recorded: 0 }
    this.times.set(id, times)
    await this.pool.query({
      name: 'insert',
      text: `INSERT INTO outbox.message (id, ce_id, aggregatetype, aggregateid, type, payload, ce_time)
             VALUES ($1::uuid, $1::uuid, $2, $1::uuid::text, 'Bare', $3, 0)`,
      values: [id, `${this.name}.requested`, PAYLOAD],
    })
    times.inserted = now()
  }

  private async connect(): Promise<void> {
    const kafka = new Kafka({
      clientId: this.name,
      brokers: this.context.at.brokers,
      logLevel: logLevel.NOTHING,
    })
    const admin = kafka.admin()
    await admin.connect()
    const topics = ['requested', 'acknowledged'].map((topic) => ({
      topic: `${this.name}.${topic}`,
      numPartitions: 6,
    }))
    await admin.createTopics({ topics, waitForLeaders: true })
    await admin.disconnect()
    await registerOutboxConnector(this.context, undefined, this.name)
    this.producer = kafka.producer({ idempotent: true, allowAutoTopicCreation: false })
    await this.producer.connect()
    await this.consume(kafka, 'requested', (ids) => this.acknowledge(ids))
    await this.consume(kafka, 'acknowledged', (ids) => this.record(ids))
  }

  private async acknowledge(ids: readonly string[]): Promise<void> {
    const at = now()
    for (const id of ids) this.note(id, 'consumed', at)
    await this.producer?.send({
      topic: `${this.name}.acknowledged`,
      acks: -1,
      messages: ids.map((id) => ({ key: id, value: PAYLOAD })),
    })
  }

  private async record(ids: readonly string[]): Promise<void> {
    const at = now()
    for (const id of ids) this.note(id, 'acknowledged', at)
    await this.pool.query({
      name: 'record',
      text: 'INSERT INTO acknowledged (id) SELECT * FROM unnest($1::uuid[]) ON CONFLICT DO NOTHING',
      values: [ids],
    })
    const done = now()
    for (const id of ids) this.note(id, 'recorded', done)
    this.recorded += ids.length
  }

  private note(id: string, place: keyof BareTimes, at: number): void {
    const times = this.times.get(id)
    if (times) times[place] = at
  }

  private async consume(kafka: Kafka, topic: string, work: (ids: string[]) => Promise<void>): Promise<void> {
    const consumer = kafka.consumer({ groupId: `${this.name}.${topic}`, maxWaitTimeInMs: 250 })
    this.consumers.push(consumer)
    await consumer.connect()
    await consumer.subscribe({ topics: [`${this.name}.${topic}`], fromBeginning: true })
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
    await consumer.run({
      partitionsConsumedConcurrently: 3,
      eachBatch: ({ batch }) => work(batch.messages.map(({ key }) => String(key))),
    })
    await joined
  }
}

const now = () => performance.timeOrigin + performance.now()
const PAYLOAD = Buffer.alloc(200, 'x')

const TABLES = `
  CREATE SCHEMA outbox;
  CREATE TABLE outbox.message (id uuid PRIMARY KEY, ce_id uuid NOT NULL,
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY, aggregatetype text NOT NULL, aggregateid text NOT NULL,
    type text NOT NULL, payload bytea, systems text, traceparent text, ce_time bigint NOT NULL,
    attempt integer NOT NULL DEFAULT 1, created_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE outbox.heartbeat (id integer PRIMARY KEY, at timestamptz NOT NULL);
  CREATE PUBLICATION lethe_outbox FOR TABLE outbox.message, outbox.heartbeat WITH (publish = 'insert, update');
  GRANT USAGE ON SCHEMA outbox TO lethe_connect;
  GRANT SELECT ON outbox.message TO lethe_connect;
  GRANT SELECT, INSERT, UPDATE ON outbox.heartbeat TO lethe_connect;
  CREATE TABLE acknowledged (id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());`
