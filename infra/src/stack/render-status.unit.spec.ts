import { expect, it } from 'vitest'
import { renderStatus } from './render-status.js'
import type { StackStatus } from './status.js'

const unknown = { known: false, why: 'Kafka is not running' } as const
const nothing: StackStatus = {
  processes: [],
  topics: unknown,
  lags: unknown,
  slots: { known: true, value: [] },
  outboxConnector: unknown,
  gates: { known: true, value: [] },
  self: unknown,
}

it('shows what could not be asked as unknown, with the reason, and never as zero', () => {
  const text = renderStatus(nothing)
  expect(text).toContain('CONSUMER LAG\n  unknown: Kafka is not running')
  expect(text).not.toMatch(/\b0\b/)
})

it('shows an unconfirmed slot position as unknown lag', () => {
  const slot = { slot: 'lethe_outbox', active: false, lagBytes: null, walStatus: 'lost' }
  const text = renderStatus({ ...nothing, slots: { known: true, value: [slot] } })
  expect(text).toMatch(/lethe_outbox\s+not read\s+lag unknown\s+wal_status lost/)
})

it('says that there are no gates, and whether the database of Lethe was restored', () => {
  expect(renderStatus(nothing)).toMatch(/GATES\n {2}no gate was ever shut\n/)
  expect(renderStatus(nothing)).toMatch(/LETHE'S OWN DATABASE\n {2}unknown: Kafka is not running$/)
  const self = { known: true, value: 'RESTORED' } as const
  expect(renderStatus({ ...nothing, self })).toMatch(/OWN DATABASE\n {2}RESTORED$/)
})
