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

/** A database without anything, whose head proves that every tombstone is back. */
async function restored(unreadable: Partial<Record<string, number>>): Promise<SelfReport | null> {
  let report: SelfReport | null = null
  vi.mocked(readTopic).mockImplementation(
    async (_kafka, _codec, topic) =>
      new Map([[0, { records: 1, unreadable: unreadable[topic] ?? 0, end: 0 }]]),
  )
  const store = {
    begin: async () => undefined,
    latest: async () => null,
    report: async (_id: string, one: SelfReport) => {
      report = one
    },
    offsets: async () => new Map(),
    requests: async () => new Map(),
    foldedTo: async () => new Map(),
    acknowledged: async () => undefined,
    recovered: async () => ({ tombstones: 0, held: 0, unsealed: 0 }),
    lostRequests: async () => ({ count: 0, ids: [] }),
    heads: async () => [],
  } as unknown as SelfStore
  const watch = { look: async () => undefined, state: { is: 'restored', reasons: ['beat'] } }
  const self = new SelfRestore({
    pool: {} as Pool,
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
  return report
}

describe('a self-restore', () => {
  it.each(['erasure.tombstones', 'erasure.status'])(
    'of which nobody can read a record of %s waits for a person: it may be a tombstone, or a hold',
    async (topic) => {
      const report = await restored({ [topic]: 2 })
      expect(report).toMatchObject({ proof: 'exact', unreadable: 2, needsAccept: true, incarnation: null })
      expect(report?.notRebuilt.join()).toContain('2 records')
    },
  )
})
