import { randomUUID } from 'node:crypto'
import { defaultPolicy, type RequestCommand } from '@lethe/domain'
import { PgEventStore } from '@lethe/event-store'
import { scratchDatabase } from '@lethe/event-store/testing'
import { endpoints } from '@lethe/infra'
import { RequestLog } from '@lethe/request-log'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Collecting } from './application/collecting.js'
import { KeepingLonger } from './application/keeping-longer.js'
import { Tombstones } from './application/tombstones.js'
import type { Caller } from './domain/permissions.js'

const DAY = 86_400_000
/** 1 January 2024: what has expired by the specs' clock has expired by the database's own. */
const T0 = Date.UTC(2024, 0)

let database: Awaited<ReturnType<typeof scratchDatabase>>
let pool: pg.Pool
let log: RequestLog
const published: { type: string; value: { sealedSelectors: Buffer | null } }[] = []
beforeAll(async () => {
  database = await scratchDatabase(endpoints().lethePostgresUrl)
  pool = new pg.Pool({ connectionString: database.url, max: 4 })
  const encode = (_topic: string, type: string, value: unknown) => {
    published.push({ type, value: value as { sealedSelectors: Buffer | null } })
    return Buffer.alloc(0)
  }
  log = new RequestLog({ pool, eventStore: new PgEventStore(pool), encode })
})
afterAll(async () => {
  await pool?.end()
  await database?.drop()
})

/** A request with a grant, and so a tombstone, for a system whose backups live a day. */
async function granted(): Promise<string> {
  const id = randomUUID()
  const commands: RequestCommand[] = [
    {
      type: 'Receive',
      received: {
        requestId: id,
        tenantId: 'acme',
        subjectRef: `subject of ${id}`,
        regime: 'gdpr',
        receivedAt: T0,
        dueAt: T0 + 30 * DAY,
        channel: 'http',
        requesterRole: 'self',
        requestedBy: 'spec',
        ground: '17(1)(a)',
        graceUntil: null,
        intakeKey: null,
        approvalRequired: false,
        recurEvery: null,
      },
      identity: { method: 'attested', by: 'spec', at: T0 },
    },
    {
      type: 'FreezePlan',
      plan: {
        mapVersion: 1,
        mapDigest: 'sha256:map',
        steps: [{ stepId: 'shop-pg#1', systemId: 'shop-pg', stage: 1, after: [] }],
        systems: [
          {
            systemId: 'shop-pg',
            kind: 'postgres',
            settleMs: 0,
            ceiling: null,
            backups: [{ name: 'nightly', keepMs: DAY }],
            derivedFrom: [],
            byHand: null,
          },
        ],
        notApplicable: [],
      },
    },
    {
      type: 'IssueGrant',
      systemId: 'shop-pg',
      stepId: 'shop-pg#1',
      passId: 'shop-pg#1/initial',
      attempt: 1,
      grantId: randomUUID(),
      ttlMs: 10_000,
      tombstone: { tombstoneId: `tombstone of ${id}`, epoch: 'e1' },
    },
  ]
  await log.transact([id], async (tx) => {
    for (const command of commands) expect(tx.apply(id, command, T0).ok).toBe(true)
  })
  return id
}
const rows = async (id: string) =>
  (await pool.query('SELECT expires_at FROM read_model.tombstones WHERE request_id = $1', [id])).rows

describe('tombstones', () => {
  it('go when they have expired and their request is backup-clear, with their bytes on the topic, and are remembered', async () => {
    const [clear, open] = [await granted(), await granted()]
    await pool.query('UPDATE read_model.requests SET backup_clear = true WHERE request_id = $1', [clear])
    expect(await new Collecting(pool, log, () => T0 + DAY).run()).toBe(0)
    expect(await new Collecting(pool, log).run()).toBe(1)
    expect(await rows(clear)).toEqual([])
    expect(await rows(open)).toHaveLength(1)
    expect(published.at(-1)).toMatchObject({
      type: 'ErasureTombstone',
      value: { sequence: 2, sealedSelectors: null },
    })
    const { rows: collected } = await pool.query('SELECT * FROM restore.collected')
    expect(collected).toEqual([{ system_id: 'shop-pg', tombstones: '1', last_effective_at: String(T0) }])
    expect(await new Collecting(pool, log).run()).toBe(0)
  })

  it('live as long as a backup that is kept longer than its policy, whoever may be in it', async () => {
    const id = await granted()
    const maps = {
      current: { systems: { 'shop-pg': { backups: [{ name: 'nightly', keepMs: DAY }] } } },
    } as never
    const keeping = new KeepingLonger(pool, log, maps, defaultPolicy)
    const until = Date.now() + 60 * DAY
    const report = (backupId: string, takenAt: number, keptUntil: number) =>
      pool.query(
        `INSERT INTO restore.backups (system_id, backup_id, policy, taken_at, kept_until, reported_by, reported_at)
         VALUES ('shop-pg', $1, 'nightly', $2, $3, 'spec', 1)`,
        [backupId, takenAt, keptUntil],
      )
    // One that ends in time is nobody's concern.
    const taken = Date.now() - DAY / 2
    await report('fine', taken, taken + DAY)
    expect(await keeping.run()).toBe(0)
    await report('long', T0 - DAY, until)
    expect(await keeping.run()).toBeGreaterThan(0)
    expect(await rows(id)).toEqual([{ expires_at: String(until + defaultPolicy.tombstoneMarginMs) }])
    expect(await keeping.run()).toBe(0)
  })

  it('say since when receipts are needed: from the oldest that lives or is held, one that recurs for ever left out', async () => {
    const now = Date.now()
    const tombstones = new Tombstones(
      pool,
      {} as never,
      () => false,
      () => now,
      async () => blocked,
    )
    let blocked: string | null = null
    const eraser: Caller = { id: 'cache-eraser', roles: ['eraser'], tenants: ['*'], systemId: 'cache' }
    const oldest = async () => (await tombstones.oldest(eraser)).oldest
    const put = (id: string, systemId: string, effectiveAt: number, expiresAt: number, more: object = {}) =>
      pool.query(
        `INSERT INTO read_model.tombstones SELECT * FROM jsonb_populate_record(NULL::read_model.tombstones, $1::jsonb)`,
        [
          JSON.stringify({
            tombstone_id: id,
            request_id: id,
            system_id: systemId,
            tenant_id: 'acme',
            subject_ref: id,
            sequence: 1,
            epoch: 'e1',
            map_version: 1,
            effective_at: effectiveAt,
            expires_at: expiresAt,
            ...more,
          }),
        ],
      )
    expect(await oldest()).toBeNull()
    await put('expired', 'cache', now - 90 * DAY, now - 1)
    await put('elsewhere', 'search', now - 80 * DAY, now + DAY)
    await put('recurs', 'cache', now - 70 * DAY, now + DAY, { recur_every: 'P1M' })
    expect(await oldest()).toBeNull()
    await put('lives', 'cache', now - 30 * DAY, now + DAY)
    expect(await oldest()).toBe(now - 30 * DAY)
    await put('held', 'cache', now - 60 * DAY, now - 1, { held_until: now + DAY })
    expect(await oldest()).toBe(now - 60 * DAY)
    await expect(tombstones.oldest({ ...eraser, roles: ['restore'] })).rejects.toMatchObject({
      code: 'forbidden',
    })
    blocked = 'lethe_restored'
    await expect(oldest()).rejects.toMatchObject({ code: 'unavailable' })
  })
})
