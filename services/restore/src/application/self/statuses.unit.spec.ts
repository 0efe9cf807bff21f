import type { Incoming } from '@lethe/messaging'
import type { wire } from '@lethe/schemas'
import { describe, expect, it } from 'vitest'
import type { SelfStore } from '../../adapters/self-store.js'
import { emptyReport, notRebuilt } from '../../domain/self-report.js'
import { Statuses } from './statuses.js'

type Milestone = wire.ErasureStatusChanged['status']

/** A database that has these requests, and nothing of any other. */
function database(known: Record<string, { status: string; held: boolean }>) {
  const lost = new Map<string, { status: string | null; held: boolean }>()
  const store = {
    requests: async (ids: readonly string[]) =>
      new Map(Object.entries(known).filter(([requestId]) => ids.includes(requestId))),
    lost: async (rows: readonly { requestId: string; status: string | null; held: boolean }[]) => {
      for (const { requestId, status, held } of rows) lost.set(requestId, { status, held })
    },
  } as unknown as SelfStore
  return { store, lost }
}

const told = (requestId: string | null, status: Milestone, requestStatus: string | null = null) =>
  ({
    value: {
      requestId,
      tenantId: 'acme',
      subjectRef: `subject of ${requestId}`,
      intakeKey: null,
      status,
      requestStatus,
      problemCode: null,
      dueAt: null,
      backupClearAt: null,
      at: 1,
    },
  }) as Incoming<wire.ErasureStatusChanged>

const going = { status: 'IN_PROGRESS', held: false }

describe('what the milestones say after a restore of Lethe’s own database', () => {
  it('is that whoever was held, cancelled or refused since must not go on, and whoever was released may', async () => {
    const { store } = database({
      held: going,
      cancelled: going,
      refused: going,
      released: going,
      'held here too': { status: 'ON_HOLD', held: true },
      'cancelled here too': { status: 'CANCELLED', held: false },
    })
    const statuses = new Statuses(store)
    await statuses.take([
      told('held', 'held'),
      told('cancelled', 'cancelled'),
      told('refused', 'refused'),
      told('released', 'held'),
      told('held here too', 'held'),
      told('cancelled here too', 'cancelled'),
    ])
    await statuses.take([told('released', 'released'), told(null, 'rejected'), told('unknown', 'held')])
    expect(await statuses.toHold()).toEqual(['held', 'cancelled', 'refused'])
  })

  it('is that one hold of two that was lifted lets nobody go on', async () => {
    const { store } = database({ 'held twice': going, 'held thrice': going })
    const statuses = new Statuses(store)
    for (const requestId of ['held twice', 'held thrice'])
      await statuses.take([
        told(requestId, 'held', 'ON_HOLD'),
        told(requestId, 'held', 'ON_HOLD'),
        told(requestId, 'released', 'ON_HOLD'),
      ])
    await statuses.take([told('held thrice', 'released', 'IN_PROGRESS')])
    expect(await statuses.toHold()).toEqual(['held twice'])
  })

  it('is kept of requests the database has lost: their last word, and whether somebody had stopped them', async () => {
    const { store, lost } = database({ known: going })
    const statuses = new Statuses(store)
    await statuses.take([
      told('gone', 'accepted'),
      told('known', 'accepted'),
      told('stopped', 'held', 'ON_HOLD'),
    ])
    await statuses.take([told('gone', 'completed', 'COMPLETED')])
    expect(Object.fromEntries(lost)).toEqual({
      gone: { status: 'COMPLETED', held: false },
      stopped: { status: 'ON_HOLD', held: true },
    })
  })
})

describe('the report of a self-restore', () => {
  it('names everything that is not back, and always what never reached a topic', () => {
    expect(notRebuilt(emptyReport)).toHaveLength(1)
    const all = {
      ...emptyReport,
      lostRequests: 2,
      lostAcknowledgements: 3,
      recoveredHeld: 4,
      recoveredUnsealed: 5,
      unreadable: 6,
    }
    const lines = notRebuilt(all)
    expect(lines).toHaveLength(6)
    for (const [at, count] of [2, 3, 4, 5, 6].entries()) expect(lines[at]).toContain(`${count} `)
  })
})
