import { createHash, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import { MessageCodec } from '@lethe/messaging'
import type { TopicName } from '@lethe/schemas'
import { createLogger, type Logger, type RunningService, startService } from '@lethe/service-host'
import { Pool } from 'pg'
import { consumers } from '../adapters/consumers.js'
import type { RequestConfig } from '../config.js'
import type { Role } from '../domain/permissions.js'
import { createKeyFile } from '../keys.js'
import { openParts, type RequestParts } from '../parts.js'
import { RequestModule } from '../request.module.js'
import { type FakeProbes, startFakeProbes } from './fake-probes.js'

const map = `
version: 1
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email, 'vendor:stripe'] }
systems:
  shop-pg:
    kind: postgres
    connection: SHOP_PG
    resolves: { user_id: users.id, email: users.email, 'vendor:stripe': users.stripe_customer_id }
    ceiling: 5000
    backups: [{ name: nightly, keep: P30D }]
    elements:
      - { table: newsletter, by: email, identifier: email, method: delete, category: direct, basis: consent }
      - { table: users, by: id, method: delete, category: direct, basis: contract }
  cache:
    kind: redis
    connection: SHOP_REDIS
    keys: ['tenant:{tenant}:user:{user_id}:*']
    idsHoldDelimiters: false
    derivedFrom: [shop-pg]
    settle: PT1S
    ceiling: 1000
    backups: [{ name: rdb, keep: P7D }]
`

/** Tokens of the stand, by what they may do. */
export const tokens = {
  officer: 'token-officer',
  second: 'token-second-officer',
  operator: 'token-operator',
  viewer: 'token-viewer',
  service: 'token-service',
  other: 'token-other-tenant',
  all: 'token-all-tenants',
  expired: 'token-expired',
  shopEraser: 'token-eraser-shop-pg',
  cacheEraser: 'token-eraser-cache',
  cacheProbe: 'token-probe-cache',
  restore: 'token-restore',
} as const

const credential = (token: string, role: Role, tenants: string[], extra: object = {}) => ({
  id: token.replace('token-', ''),
  sha256: createHash('sha256').update(token).digest('hex'),
  roles: [role],
  tenants,
  ...extra,
})

const credentials = [
  credential(tokens.officer, 'privacy_officer', ['shop']),
  credential(tokens.second, 'privacy_officer', ['shop']),
  credential(tokens.operator, 'operator', ['shop']),
  credential(tokens.viewer, 'viewer', ['shop']),
  credential(tokens.service, 'service', ['shop']),
  credential(tokens.other, 'admin', ['other']),
  credential(tokens.all, 'admin', ['*']),
  credential(tokens.expired, 'admin', ['*'], { expiresAt: 1_000 }),
  credential(tokens.shopEraser, 'eraser', [], { systemId: 'shop-pg' }),
  credential(tokens.cacheEraser, 'eraser', [], { systemId: 'cache' }),
  credential(tokens.cacheProbe, 'probe', [], { systemId: 'cache' }),
  credential(tokens.restore, 'restore', ['*']),
]

export interface Answer<T = Record<string, unknown>> {
  readonly status: number
  readonly headers: Headers
  readonly body: T
}

export interface CallOptions {
  readonly token?: string
  readonly body?: unknown
  /** Sent as it is, instead of `body`. */
  readonly raw?: string
  /** Idempotency-Key. */
  readonly key?: string
}

/** The service over a database of its own, with stood-in probes; with Kafka when it has a topic prefix. */
export interface Stand {
  readonly service: RunningService
  readonly parts: RequestParts
  readonly probes: FakeProbes
  readonly pool: Pool
  readonly config: RequestConfig
  readonly codec: MessageCodec
  readonly logger: Logger
  /** Everything the service logged. */
  log(): string
  call<T = Record<string, unknown>>(method: string, path: string, options?: CallOptions): Promise<Answer<T>>
  close(): Promise<void>
}

export async function openStand(overrides: Partial<RequestConfig> = {}): Promise<Stand> {
  const { lethePostgresUrl, registryUrl, brokers } = endpoints()
  const database = await scratchDatabase(lethePostgresUrl)
  const folder = mkdtempSync(join(tmpdir(), 'lethe-request-'))
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const probeToken = randomUUID()
  const probes = await startFakeProbes(probeToken)
  await createKeyFile(join(folder, 'keys.json'))
  const config: RequestConfig = {
    pgUrl: asService(database.url),
    kafka: { brokers, clientId: 'request-spec', topicPrefix: overrides.topicPrefix ?? '' },
    registryUrl,
    people: null,
    credentialsFile: file('credentials.json', JSON.stringify(credentials)),
    dataMapFile: file('map.yaml', map),
    grantSecret: 'grant-secret-of-the-stand',
    head: null,
    peppers: 'v1=pepper-of-the-stand',
    vaultKeys: join(folder, 'keys.json'),
    vaultMaster: { file: null, command: null },
    epochs: { lengthMs: 30 * 86_400_000, keepMs: 30 * 86_400_000 },
    vaultCheckMs: 1_000,
    probes: new Map(['shop-pg', 'cache'].map((systemId) => [systemId, probes.url])),
    probeToken,
    port: 0,
    topicPrefix: '',
    maxInFlight: 2_000,
    peoplePerMinute: 10_000,
    probeTimeoutMs: 2_000,
    resolveRetryMs: 50,
    resolutionFreshMs: 10_000,
    tenants: null,
    bodyLimit: 65_536,
    keepLongerMs: 300_000,
    outbox: { lostAfterMs: 30_000, longestWaitMs: 60_000 },
    ...overrides,
  }
  let logged = ''
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString('utf8')
      done()
    },
  })
  const logger = createLogger('request', { level: 'trace', destination })
  const codec = await MessageCodec.connect(registryUrl, { register: true })
  const parts = await openParts(config, logger, (topic, type, value) =>
    codec.encode(topic as TopicName, type, value),
  )
  const service = await startService({
    name: 'request',
    module: RequestModule.around(parts),
    port: 0,
    logger,
    bodyLimit: config.bodyLimit,
    ...(config.topicPrefix === ''
      ? {}
      : {
          microservice: consumers(parts.reconciler, {
            kafka: config.kafka,
            codec,
            logger,
          }),
        }),
  })
  const pool = new Pool({ connectionString: database.url, max: 2 })
  return {
    service,
    parts,
    probes,
    pool,
    config,
    codec,
    logger,
    log: () => logged,
    call: async <T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> => {
      const { token = tokens.service, body, raw, key } = options
      const text = raw ?? (body === undefined ? undefined : JSON.stringify(body))
      const response = await fetch(new URL(path, service.url), {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(text === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(text === undefined ? {} : { body: text }),
      })
      return { status: response.status, headers: response.headers, body: (await response.json()) as T }
    },
    close: async () => {
      await service.stop()
      await pool.end()
      await probes.close()
      await database.drop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** The service runs with the rights of its own role, whose password only the local stack knows. */
function asService(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  url.searchParams.set('options', '-c role=lethe_request')
  return url.href
}

let drawn = 0

/** A person of tenant `shop` that the probes know; identifiers are new with every call. */
export function newPerson(stand: Stand): { email: string; userId: string; vendorId: string } {
  const number = ++drawn
  const person = { email: `person${number}@example.com`, userId: `u${number}`, vendorId: `cus_${number}` }
  stand.probes.people.push({
    tenantId: 'shop',
    identifiers: [
      { type: 'user_id', value: person.userId },
      { type: 'email', value: person.email },
      { type: 'vendor:stripe', value: person.vendorId },
    ],
  })
  return person
}

/** A body that asks for the erasure of whoever has this e-mail address, without a grace period. */
export const askByEmail = (email: string, extra: object = {}) => ({
  tenantId: 'shop',
  identifiers: [{ type: 'email', value: email }],
  regime: 'gdpr',
  ground: '17(1)(b)',
  requesterRole: 'self',
  identity: { method: 'signed_email_link' },
  graceDays: 0,
  ...extra,
})

/** Asks, and returns the id of the new request. */
export async function accepted(stand: Stand, body: object, token?: string): Promise<string> {
  const answer = await stand.call<{ requestId: string }>('POST', '/v1/erasure-requests', {
    body,
    key: randomUUID(),
    ...(token === undefined ? {} : { token }),
  })
  if (answer.status !== 201) throw new Error(`not accepted: ${JSON.stringify(answer.body)}`)
  return answer.body.requestId
}
