import type { ChainReport } from '@lethe/request-log'
import { createLogger } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { chainFindings, chainVerified } from '../metrics.js'
import { ChainCheck } from './chain-check.js'

const logger = createLogger('spec', { level: 'silent' })
const whole: ChainReport = { records: 3, tombstones: 3, findings: [], total: 0 }
const broken: ChainReport = {
  ...whole,
  total: 2,
  findings: [{ code: 'head_differs', partition: 0, offset: 2, tombstoneId: null }],
}

async function shown(look: () => Promise<ChainReport>, blocked: string | null = null) {
  await new ChainCheck({ look, blocked: async () => blocked, logger, now: () => 5_000 })
    .run()
    .catch(() => undefined)
  return (await chainFindings.get()).values.map(({ value }) => value)
}

describe('what is shown of the chain of tombstones', () => {
  it('is how many findings there are, none included, and when it was looked at', async () => {
    expect(await shown(async () => whole)).toEqual([0])
    expect(await shown(async () => broken)).toEqual([2])
    expect((await chainVerified.get()).values.map(({ value }) => value)).toEqual([5])
  })

  it('is nothing, not zero, while the chain can not be read or an older copy would be read', async () => {
    await shown(async () => whole)
    expect(await shown(() => Promise.reject(new Error('away')))).toEqual([])
    await shown(async () => whole)
    expect(await shown(async () => whole, 'lethe_restored')).toEqual([])
  })
})
