import { describe, expect, it } from 'vitest'
import type { RequestCommand } from './commands.js'
import { decide } from './decide.js'
import { fold } from './evolve.js'
import { defaultPolicy } from './policy.js'
import { proceed, wakeAt } from './proceed.js'
import { publications } from './publications.js'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 22)
const ERASED = NOW - 10 * DAY
const command = (extra: object = {}): Extract<RequestCommand, { type: 'Import' }> => ({
  type: 'Import',
  by: 'officer',
  erasedAt: ERASED,
  tombstones: [{ tombstoneId: 't1', systemId: 'shop-pg', epoch: 'e1', mapVersion: 3, expiresAt: NOW + DAY }],
  received: {
    requestId: 'r1',
    tenantId: 'acme',
    subjectRef: 's1',
    regime: 'gdpr',
    receivedAt: ERASED,
    dueAt: ERASED,
    channel: 'http',
    requesterRole: 'automated',
    requestedBy: 'officer',
    ground: '17(1)(a)',
    graceUntil: null,
    intakeKey: null,
    approvalRequired: false,
    recurEvery: null,
  },
  ...extra,
})

describe('an imported person', () => {
  it('is over when it begins: a tombstone since the erasure, and nothing that would ever run or be told', () => {
    const decision = decide(null, command(), NOW)
    const events = decision.ok ? decision.events : []
    const state = fold(events)
    expect(state).toMatchObject({
      status: 'COMPLETED',
      liveErasedAt: ERASED,
      backupClearAt: NOW + DAY,
      tombstones: {
        'shop-pg': { tombstoneId: 't1', sequence: 1, effectiveAt: ERASED, expiresAt: NOW + DAY },
      },
    })
    if (state === null) throw new Error('there is a state')
    expect(publications(null, events, state)).toEqual([])
    expect(proceed(state, NOW + 100 * DAY, defaultPolicy)).toEqual([])
    expect(wakeAt(state, defaultPolicy)).toBeNull()
    const later = decide(state, { type: 'ConfirmShredded' }, NOW + 2 * DAY)
    expect(later.ok && later.events.map(({ type }) => type)).toEqual([
      'RequestBackupClear',
      'TombstoneCollected',
    ])
    expect(later.ok && publications(state, later.events, fold(later.events, state) ?? state)).toEqual([])
  })

  it('is imported once, was erased in the past, and has something to be kept from', () => {
    const first = decide(null, command(), NOW)
    const state = fold(first.ok ? first.events : [])
    expect(decide(state, command(), NOW)).toMatchObject({ ok: false, code: 'duplicate_request' })
    expect(decide(null, command({ erasedAt: NOW + 1 }), NOW).ok).toBe(false)
    expect(decide(null, command({ tombstones: [] }), NOW).ok).toBe(false)
    const [tombstone] = command().tombstones
    expect(decide(null, command({ tombstones: [{ ...tombstone, expiresAt: NOW }] }), NOW).ok).toBe(false)
  })
})
