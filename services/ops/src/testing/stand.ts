import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { RequestCommand } from '@lethe/domain'
import { PgEventStore } from '@lethe/event-store'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import { createTopics, type KafkaConfig, withAdmin } from '@lethe/messaging'
import { RequestLog } from '@lethe/request-log'
import { createLogger, type Role, type RunningService, startService } from '@lethe/service-host'
import { Pool } from 'pg'
import type { OpsConfig } from '../config.js'
import { opsService } from '../service.js'

/** Tokens of the stand, by what they may do. */
export const tokens = {
  viewer: 'token-viewer',
  operator: 'token-operator',
  officer: 'token-officer',
  service: 'token-service',
  eraser: 'token-eraser',
  other: 'token-other-tenant',
  all: 'token-all-tenants',
  brief: 'token-brief',
  expired: 'token-expired',
} as const

const credential = (token: string, role: Role, tenants: string[], extra: object = {}) => ({
  id: token.replace('token-', ''),
  sha256: createHash('sha256').update(token).digest('hex'),
  roles: [role],
  tenants,
  ...extra,
})

/** Ends soon after the stand was opened. */
export const BRIEF_MS = 2_500

const credentials = () => [
  credential(tokens.viewer, 'viewer', ['shop']),
  credential(tokens.operator, 'operator', ['shop']),
  credential(tokens.officer, 'privacy_officer', ['shop']),
  credential(tokens.service, 'service', ['shop']),
  credential(tokens.eraser, 'eraser', [], { systemId: 'cache' }),
  credential(tokens.other, 'admin', ['other']),
  credential(tokens.all, 'admin', ['*']),
  credential(tokens.brief, 'viewer', ['shop'], { expiresAt: Date.now() + BRIEF_MS }),
  credential(tokens.expired, 'admin', ['*'], { expiresAt: 1_000 }),
]

const dataMap = `
version: 1
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email] }
systems:
  shop-pg: { kind: postgres }
  cache: { kind: redis }
`

export interface Answer<T> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

/** The ops service with the rights of its own role, over a database and topics of its own. */
export class Stand {
  private readonly services: RunningService[] = []
  private logged = ''
  readonly log: RequestLog

  private constructor(
    readonly pool: Pool,
    readonly kafka: KafkaConfig,
    private readonly config: OpsConfig,
    private readonly folder: string,
    private readonly dropDatabase: () => Promise<void>,
  ) {
    const encode = () => Buffer.from('a message')
    this.log = new RequestLog({
      pool,
      eventStore: new PgEventStore(pool),
      encode: encode as never,
      topicPrefix: kafka.topicPrefix ?? '',
    })
  }

  static async open(): Promise<Stand> {
    const { brokers, lethePostgresUrl, connectUrl, registryUrl } = endpoints()
    const database = await scratchDatabase(lethePostgresUrl)
    const topicPrefix = `ops-${randomUUID().slice(0, 8)}.`
    const kafka: KafkaConfig = { brokers, clientId: 'ops-spec', topicPrefix }
    await createTopics(kafka)
    const folder = mkdtempSync(join(tmpdir(), 'lethe-ops-'))
    writeFileSync(join(folder, 'credentials.json'), JSON.stringify(credentials()))
    const pool = new Pool({ connectionString: database.url, max: 3 })
    pool.on('error', () => undefined)
    await pool.query('INSERT INTO events.data_maps VALUES (1, $1, $2)', ['digest', dataMap])
    const config: OpsConfig = {
      pgUrl: asOps(database.url),
      kafka,
      credentialsFile: join(folder, 'credentials.json'),
      connectUrl,
      connector: `no-such-connector-${topicPrefix}`,
      requestUrl: null,
      restoreUrl: null,
      drillEveryMs: null,
      registryUrl,
      publicUrl: null,
      oidc: null,
      session: { idleMs: 60_000, longestMs: 120_000 },
      peoplePerMinute: 60,
      sampleMs: 200,
      port: 0,
    }
    return new Stand(pool, kafka, config, folder, () => database.drop())
  }

  /** The service is stopped with the stand, or before by `Ops.stop`. */
  async start(change: Partial<OpsConfig> = {}): Promise<Ops> {
    const destination = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.logged += chunk.toString('utf8')
        done()
      },
    })
    const logger = createLogger('ops', { level: 'trace', destination })
    const service = await startService(opsService({ ...this.config, ...change }, logger))
    this.services.push(service)
    return new Ops(service.url, () => {
      this.services.splice(this.services.indexOf(service), 1)
      return service.stop()
    })
  }

  /** A request with a frozen plan whose first step is under way; without `planned` it is still pending. */
  async request(options: { tenantId?: string; dueInMs?: number; planned?: boolean } = {}): Promise<string> {
    const { tenantId = 'shop', dueInMs = 30 * 86_400_000, planned = true } = options
    const id = randomUUID()
    const now = Date.now()
    const commands = planned
      ? [received(id, tenantId, now + dueInMs), { type: 'FreezePlan', plan } as const, granted(id)]
      : [received(id, tenantId, now + dueInMs)]
    await this.log.transact([id], async (tx) => {
      for (const command of commands) {
        const decision = tx.apply(id, command, now)
        if (!decision.ok) throw new Error(`refused: ${JSON.stringify(decision)}`)
      }
    })
    return id
  }

  /** As many again as are wanted of one request, in the read model alone; their ids. */
  async copies(requestId: string, count: number): Promise<string[]> {
    const { rows: columns } = await this.pool.query<{ name: string }>(
      `SELECT column_name::text AS name FROM information_schema.columns
       WHERE table_schema = 'read_model' AND table_name = 'requests' AND column_name <> 'request_id'`,
    )
    const others = columns.map(({ name }) => name).join(', ')
    const { rows } = await this.pool.query<{ request_id: string }>(
      `INSERT INTO read_model.requests (request_id, ${others})
       SELECT gen_random_uuid()::text, ${others} FROM read_model.requests, generate_series(1, $2)
       WHERE request_id = $1 RETURNING request_id`,
      [requestId, count],
    )
    return rows.map((row) => row.request_id)
  }

  /** Each accepted, or it throws. */
  async apply(requestId: string, ...commands: readonly RequestCommand[]): Promise<void> {
    await this.log.transact([requestId], async (tx) => {
      for (const command of commands) {
        const decision = tx.apply(requestId, command, Date.now())
        if (!decision.ok) throw new Error(`refused: ${JSON.stringify(decision)}`)
      }
    })
  }

  async hold(requestId: string): Promise<void> {
    const command = { type: 'Hold', holdId: randomUUID(), by: 'officer', reasonRef: null } as const
    await this.log.transact([requestId], async (tx) => tx.apply(requestId, command, Date.now()))
  }

  /** Everything the services logged. */
  get logText(): string {
    return this.logged
  }

  async close(): Promise<void> {
    await Promise.all(this.services.map((service) => service.stop()))
    await this.pool.end()
    await this.dropDatabase()
    const prefix = this.kafka.topicPrefix ?? ''
    await withAdmin(this.kafka, async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
      await admin.deleteTopics(topics)
    })
    rmSync(this.folder, { recursive: true })
  }
}

const received = (requestId: string, tenantId: string, dueAt: number) => {
  const receivedAt = dueAt - 30 * 86_400_000
  return {
    type: 'Receive',
    received: {
      requestId,
      tenantId,
      subjectRef: `subject-of-${requestId}`,
      regime: 'gdpr',
      receivedAt,
      dueAt,
      channel: 'http',
      requesterRole: 'self',
      requestedBy: 'credential-1',
      ground: '17(1)(a)',
      graceUntil: null,
      intakeKey: null,
      approvalRequired: false,
      recurEvery: null,
    },
    identity: { method: 'attested', by: 'credential-1', at: receivedAt },
  } as const
}

const system = { settleMs: 0, ceiling: null, derivedFrom: [], byHand: null }
const plan = {
  mapVersion: 1,
  mapDigest: 'sha256:map',
  steps: [
    { stepId: 'cache#1', systemId: 'cache', stage: 1, after: [] },
    { stepId: 'shop-pg#1', systemId: 'shop-pg', stage: 2, after: ['cache#1'] },
  ],
  systems: [
    { ...system, systemId: 'cache', kind: 'redis', backups: [{ name: 'aof', keepMs: 86_400_000 }] },
    {
      ...system,
      systemId: 'shop-pg',
      kind: 'postgres',
      backups: [{ name: 'nightly', keepMs: 30 * 86_400_000 }],
    },
  ],
  notApplicable: [],
} as const

const granted = (requestId: string) =>
  ({
    type: 'IssueGrant',
    systemId: 'cache',
    stepId: 'cache#1',
    passId: 'cache#1/initial',
    attempt: 1,
    grantId: `grant-of-${requestId}`,
    ttlMs: 10_000,
    tombstone: { tombstoneId: `tombstone-of-${requestId}`, epoch: 'epoch-1' },
  }) as const

export interface Call {
  readonly method?: string
  readonly token?: string
  /** `name=value`, as a browser sends it. */
  readonly cookie?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** A signed-in browser: its cookie and the token its page was given. */
export interface SignedIn {
  readonly cookie: string
  readonly csrf: string
}

/** A caller of one running service. */
export class Ops {
  constructor(
    readonly url: string,
    readonly stop: () => Promise<void>,
  ) {}

  async call<T = Record<string, unknown>>(path: string, call: Call = {}): Promise<Answer<T>> {
    const { method = 'GET', token, cookie, headers = {}, body } = call
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(cookie === undefined ? {} : { cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? null : JSON.parse(text)) as T,
    }
  }

  async signIn(token: string): Promise<SignedIn> {
    const answer = await this.call<{ csrfToken: string }>('/v1/session', { method: 'POST', body: { token } })
    if (answer.status !== 201) throw new Error(`signing in was answered ${answer.status}`)
    const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';')
    return { cookie, csrf: answer.body.csrfToken }
  }

  async get<T = Record<string, unknown>>(
    path: string,
    token: string | null = tokens.viewer,
  ): Promise<Answer<T>> {
    const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(new URL(path, this.url), { headers })
    return { status: response.status, headers: response.headers, body: (await response.json()) as T }
  }
}

/** The service runs with the rights of its own role, whose password only the local stack knows. */
function asOps(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  url.searchParams.set('options', '-c role=lethe_ops')
  return url.href
}
