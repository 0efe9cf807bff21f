import { createLogger } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { outboxGauges, sweepOutbox } from './outbox-sweep.js'

const logger = createLogger('spec', { level: 'silent' })
const report = { republished: ['a'], exhausted: 1, pending: 4, oldestMs: 90_000 }

async function shown() {
  const all = [outboxGauges.pendingRows, outboxGauges.exhaustedRows, outboxGauges.oldestSeconds]
  return Promise.all(all.map(async (one) => (await one.get()).values.map(({ value }) => value)))
}

describe('what is shown of the outbox', () => {
  it('is what waits, what never arrived, and since when, in seconds', async () => {
    await sweepOutbox({ sweep: async () => report }, logger)
    expect(await shown()).toEqual([[4], [1], [90]])
    await sweepOutbox({ sweep: async () => ({ ...report, exhausted: 0, pending: 0, oldestMs: 0 }) }, logger)
    expect(await shown()).toEqual([[0], [0], [0]])
  })

  it('is nothing, not zero, once it can not be counted', async () => {
    await sweepOutbox({ sweep: async () => report }, logger)
    const away = sweepOutbox({ sweep: () => Promise.reject(new Error('away')) }, logger)
    await expect(away).rejects.toThrow('away')
    expect(await shown()).toEqual([[], [], []])
  })
})
