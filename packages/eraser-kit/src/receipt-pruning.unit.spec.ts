import { createLogger, metricsRegistry } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import type { Session } from './connector.js'
import { ReceiptPruning } from './receipt-pruning.js'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 5, 1)
const logger = createLogger('spec', { level: 'silent' })

function pruning(
  session: Partial<Session>,
  oldestTombstone: () => Promise<number | null> = async () => null,
): ReceiptPruning {
  const systems = { currentSession: async () => session as Session }
  const request = { oldestTombstone }
  return new ReceiptPruning({
    systemId: 'shop-pg',
    systems,
    request,
    keepMs: 97 * DAY,
    logger,
    now: () => NOW,
  })
}

const asking = (asked: Date[]): Partial<Session> => ({
  receipts: {
    read: async () => [],
    marker: async () => ({ found: null, receipts: 0 }),
    prune: async (before: Date) => {
      asked.push(before)
      return 1
    },
  },
})

describe('pruning receipts', () => {
  it('removes those older than they are kept, and counts them where /metrics shows it', async () => {
    const asked: Date[] = []
    const receipts = {
      read: async () => [],
      marker: async () => ({ found: null, receipts: 0 }),
      prune: async (before: Date) => {
        asked.push(before)
        return 7
      },
    }
    expect(await pruning({ receipts }).run()).toBe(7)
    expect(asked).toEqual([new Date(NOW - 97 * DAY)])
    expect(await metricsRegistry.metrics()).toMatch(
      /lethe_eraser_receipts_pruned_total\{.*system="shop-pg".*\} 7/,
    )
  })

  it('leaves those whose tombstone lives, however old they are, and takes them when it has expired', async () => {
    const asked: Date[] = []
    const effectiveAt = NOW - 400 * DAY
    await pruning(asking(asked), async () => effectiveAt).run()
    // The store's clock may be behind.
    expect(asked).toEqual([new Date(effectiveAt - 3_600_000)])
    await pruning(asking(asked), async () => NOW - DAY).run()
    expect(asked[1]).toEqual(new Date(NOW - 97 * DAY))
  })

  it('removes nothing while nobody can say which tombstones live', async () => {
    const asked: Date[] = []
    const away = pruning(asking(asked), () => Promise.reject(new Error('away')))
    await expect(away.run()).rejects.toThrow('away')
    expect(asked).toEqual([])
  })

  it('has nothing to do in a store without receipts', async () => {
    expect(await pruning({}).run()).toBe(0)
  })
})
