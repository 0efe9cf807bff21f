import { randomUUID } from 'node:crypto'
import type { RequestCommand } from '@lethe/domain'
import { PgEventStore } from '@lethe/event-store'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import { Pool } from 'pg'
import { RequestLog, type RequestLogOptions } from '../request-log.js'

/** 21 November 2025, 10:00 UTC; specs count from it instead of reading a clock. */
export const T0 = 1_763_719_200_000

export const newRequestId = (): string => `req-${randomUUID()}`

export function receive(
  requestId: string,
  overrides: { tenantId?: string; receivedAt?: number } = {},
): RequestCommand {
  const receivedAt = overrides.receivedAt ?? T0
  return {
    type: 'Receive',
    received: {
      requestId,
      tenantId: overrides.tenantId ?? 'acme',
      subjectRef: `subject-of-${requestId}`,
      regime: 'gdpr',
      receivedAt,
      dueAt: receivedAt + 30 * 86_400_000,
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
  }
}

/** Cache, system of record, cache once more. */
export const freezePlan: RequestCommand = {
  type: 'FreezePlan',
  plan: {
    mapVersion: 7,
    mapDigest: 'sha256:map',
    steps: [
      { stepId: 'cache#1', systemId: 'cache', stage: 1, after: [] },
      { stepId: 'shop-pg#1', systemId: 'shop-pg', stage: 2, after: ['cache#1'] },
      { stepId: 'cache#2', systemId: 'cache', stage: 3, after: ['shop-pg#1'] },
    ],
    systems: [
      {
        systemId: 'shop-pg',
        kind: 'postgres',
        settleMs: 0,
        ceiling: 5_000,
        backups: [{ name: 'nightly', keepMs: 30 * 86_400_000 }],
        derivedFrom: [],
        byHand: null,
      },
      {
        systemId: 'cache',
        kind: 'redis',
        settleMs: 5_000,
        ceiling: null,
        backups: [{ name: 'aof', keepMs: 86_400_000 }],
        derivedFrom: ['shop-pg'],
        byHand: null,
      },
    ],
    notApplicable: [],
  },
}

export const hold = (holdId: string): RequestCommand => ({
  type: 'Hold',
  holdId,
  by: 'officer',
  reasonRef: null,
})

export const release = (holdId: string | null): RequestCommand => ({ type: 'Release', holdId, by: 'officer' })

export const grantFirstStep = (tombstoneId: string): RequestCommand => ({
  type: 'IssueGrant',
  systemId: 'cache',
  stepId: 'cache#1',
  passId: 'cache#1/initial',
  attempt: 1,
  grantId: 'grant-1',
  ttlMs: 10_000,
  tombstone: { tombstoneId, epoch: 'epoch-1' },
})

/** A database of its own, and as many logs on it as a spec wants writers. */
export interface LogFixture {
  readonly url: string
  readonly pool: Pool
  readonly store: PgEventStore
  /** A log with a cache of its own, as another process would have. */
  writer(options?: Partial<RequestLogOptions>): RequestLog
  drop(): Promise<void>
}

export async function logFixture(): Promise<LogFixture> {
  const database = await scratchDatabase(endpoints().lethePostgresUrl)
  const pool = new Pool({ connectionString: database.url, max: 20 })
  // A spec that kills connections kills idle ones too; they are replaced.
  pool.on('error', () => {})
  const store = new PgEventStore(pool)
  return {
    url: database.url,
    pool,
    store,
    writer: (options = {}) => new RequestLog({ pool, eventStore: store, encode: encodeJson, ...options }),
    async drop() {
      await pool.end()
      await database.drop()
    },
  }
}

export const encodeJson = (_topic: string, _type: string, value: unknown): Buffer =>
  Buffer.from(JSON.stringify(value, (_key, part) => (Buffer.isBuffer(part) ? part.toString('base64') : part)))
