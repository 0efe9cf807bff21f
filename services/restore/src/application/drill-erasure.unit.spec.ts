import { PausedError } from '@lethe/service-host'
import { expect, it } from 'vitest'
import type { DrillReason } from '../domain/drill.js'
import type { GateRow } from '../domain/restore.js'
import { untilErased } from './drill-erasure.js'

const gate = (systemId: string, state: GateRow['state']): GateRow => ({
  ...{ systemId, state, strength: 'enforced', restoreId: `of-${systemId}`, admitted: [], since: 1 },
})

it('an erasure that is waited for survives that request, or Lethe’s database, is away for a moment', async () => {
  const answers: (() => { status: string; unfinished: string[] })[] = [
    () => {
      throw new PausedError('request_unreachable', 'request does not answer.')
    },
    () => ({ status: 'IN_PROGRESS', unfinished: ['cache', 'shop'] }),
    () => ({ status: 'IN_PROGRESS', unfinished: ['cache', 'shop'] }),
    () => ({ status: 'COMPLETED', unfinished: [] }),
  ]
  const gates: (() => GateRow[])[] = [
    () => [],
    () => {
      throw new Error('Connection terminated')
    },
    () => [gate('cache', 'open'), gate('other', 'shut'), gate('shop', 'shut')],
  ]
  const told: (readonly DrillReason[])[] = []
  const parts = {
    requests: { progress: async () => (answers.shift() as (typeof answers)[number])() },
    gates: async () => (gates.shift() as (typeof gates)[number])(),
    now: Date.now,
  }
  const tell = async (reasons: readonly DrillReason[]) => void told.push(reasons)
  await untilErased(parts, 'r1', tell, new AbortController().signal)
  expect(told).toEqual([[{ code: 'gate_closed', detail: expect.stringMatching(/from shop too.*of-shop/) }]])
  expect([answers, gates]).toEqual([[], []])
})
