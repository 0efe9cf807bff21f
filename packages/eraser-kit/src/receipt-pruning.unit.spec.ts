import { createLogger, metricsRegistry } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import type { Session } from './connector.js'
import { ReceiptPruning } from './receipt-pruning.js'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 5, 1)
const logger = createLogger('spec', { level: 'silent' })

function pruning(session: Partial<Session>): ReceiptPruning {
  const systems = { currentSession: async () => session as Session }
  return new ReceiptPruning({ systemId: 'shop-pg', systems, keepMs: 97 * DAY, logger, now: () => NOW })
}

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

  it('has nothing to do in a store without receipts', async () => {
    expect(await pruning({}).run()).toBe(0)
  })
})
