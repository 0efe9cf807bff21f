import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readTopic } from '@lethe/messaging'
import { type HeadPlace, type SelfWatch, writeHead } from '@lethe/request-log'
import { createLogger } from '@lethe/service-host'
import type { Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SelfStore } from '../../adapters/self-store.js'
import type { Turns } from '../../adapters/turns.js'
import type { SelfReport } from '../../domain/self-report.js'
import { SelfRestore } from './self-restore.js'

vi.mock('@lethe/messaging', async (original) => ({ ...(await original<object>()), readTopic: vi.fn() }))

const caller = { id: 'officer', roles: ['admin'], tenants: ['*'], systemId: null } as const
let place: HeadPlace
beforeEach(() => {
  place = { file: join(mkdtempSync(join(tmpdir(), 'lethe-self-')), 'head.json'), secret: 's'.repeat(32) }
  const nothing = { previous: null, current: 'b1', pending: null, partitions: [] }
  writeHead(place, { incarnation: 'one', identity: '7/1/5', writtenAt: 1, ...nothing })
})
afterEach(() => rmSync(join(place.file, '..'), { recursive: true }))

/** A record nobody can read, so that it ends before it lets everything go on. */
const waits = { unreadable: { 'erasure.status': 1 } }

interface Found {
  readonly unreadable?: Partial<Record<string, number>>
  readonly topics?: Partial<Record<string, readonly object[]>>
  readonly lost?: Awaited<ReturnType<SelfStore['lostRequests']>>['lost']
  readonly recovered?: unknown[]
}

/** A database without anything, whose head proves that every tombstone is back. */
async function restored({ unreadable = {}, topics = {}, lost = [], recovered = [] }: Found) {
  let report: SelfReport | null = null
  vi.mocked(readTopic).mockImplementation(async (_kafka, _codec, topic, visit) => {
    const page = (topics[topic] ?? []).map((value, offset) => ({
      partition: 0,
      offset: String(offset),
      value,
    }))
    if (page.length > 0) await visit(0, page as never)
    return new Map([[0, { records: 1, unreadable: unreadable[topic] ?? 0, end: 0 }]])
  })
  const store = {
    begin: async () => undefined,
    latest: async () => null,
    report: async (_id: string, one: SelfReport) => {
      report = one
    },
    offsets: async () => new Map([[0, 99]]),
    unknown: async () => [],
    recover: async (some: unknown[]) => void recovered.push(...some),
    requests: async () => new Map(),
    foldedTo: async () => new Map(),
    acknowledged: async () => undefined,
    recovered: async () => ({ tombstones: 0, held: 0, unsealed: 0 }),
    lostRequests: async () => ({ count: lost.length, lost }),
    heads: async () => [],
  } as unknown as SelfStore
  const watch = { look: async () => undefined, state: { is: 'restored', reasons: ['beat'] } }
  const self = new SelfRestore({
    pool: { connect: async () => connection } as unknown as Pool,
    store,
    watch: watch as unknown as SelfWatch,
    turns: {
      take: async (_: string, work: () => Promise<void>) => work().then(() => true),
    } as unknown as Turns,
    place,
    kafka: {} as never,
    codec: {} as never,
    holds: { hold: async () => undefined },
    logger: createLogger('self-restore-spec', { level: 'silent' }),
  })
  await self.begin(caller as never, false)
  await self.idle()
  return report as SelfReport | null
}
const nothing = () => undefined
const connection = {
  query: async () => ({ rows: [], command: 'COMMIT' }),
  release: nothing,
  on: nothing,
  off: nothing,
  removeListener: nothing,
}

describe('a self-restore', () => {
  it.each(['erasure.tombstones', 'erasure.status'])(
    'of which nobody can read a record of %s waits for a person: it may be a tombstone, or a hold',
    async (topic) => {
      const report = await restored({ unreadable: { [topic]: 2 } })
      expect(report).toMatchObject({ proof: 'exact', unreadable: 2, needsAccept: true, incarnation: null })
      expect(report?.notRebuilt.join()).toContain('2 records')
    },
  )

  const tombstone = (tombstoneId: string, systemId: string, effectiveAt: number, extra: object = {}) => ({
    tombstoneId,
    systemId,
    effectiveAt,
    requestId: 'r1',
    tenantId: 'acme',
    sequence: 1,
    prevHash: null,
    sealedSelectors: Buffer.from('sealed'),
    epoch: 'e1',
    mapVersion: 1,
    expiresAt: Date.UTC(2100, 0),
    recurEvery: null,
    heldUntil: null,
    ...extra,
  })

  it('remembers of each system the last tombstone that has lapsed: the database may have lost how old a copy may be', async () => {
    const recovered: { tombstoneId: string }[] = []
    const lapsed = { expiresAt: 1_000 }
    const collected = { sealedSelectors: null }
    const tombstones = [
      tombstone('older', 'shop-pg', 10, lapsed),
      tombstone('last', 'shop-pg', 20, lapsed),
      tombstone('live', 'shop-pg', 30),
      tombstone('gone', 'cache', 5, collected),
    ]
    const report = await restored({ ...waits, topics: { 'erasure.tombstones': tombstones }, recovered })
    expect(report?.failed).toBeNull()
    expect(recovered.map(({ tombstoneId }) => tombstoneId).sort()).toEqual(['gone', 'last'])
  })

  it('says of each lost request what the topics know of it, and what to do', async () => {
    const one = (requestId: string, lastStatus: string | null, held = false) => ({
      requestId,
      tenantId: 'acme',
      lastStatus,
      held,
      at: 1,
      tombstones: ['shop-pg'],
    })
    const report = await restored({
      ...waits,
      lost: [
        one('a', 'IN_PROGRESS'),
        one('b', 'COMPLETED'),
        one('c', 'ON_HOLD', true),
        one('d', 'CANCELLED', true),
      ],
      topics: {
        'erasure.acknowledged': [
          { requestId: 'b', systemId: 'shop-pg' },
          { requestId: 'b', systemId: 'cache' },
          { requestId: 'b', systemId: 'cache' },
        ],
      },
    })
    expect(report?.lost.map(({ requestId, advice }) => [requestId, advice])).toEqual([
      ['a', 'ask_again'],
      ['b', 'certificate_gone'],
      ['c', 'decide_hold'],
      ['d', 'nothing_to_do'],
    ])
    expect(report?.lost[1]).toMatchObject({ tombstones: ['shop-pg'], acknowledged: ['cache', 'shop-pg'] })
    expect(report).toMatchObject({
      failed: null,
      lostRequests: 4,
      lostIds: ['a', 'b', 'c', 'd'],
      lostAcknowledgements: 3,
    })
  })
})
