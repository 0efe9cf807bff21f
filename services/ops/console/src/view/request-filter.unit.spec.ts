import { regimes as known } from '@lethe/domain'
import { describe, expect, it } from 'vitest'
import { statuses as asked, listQuery } from '../../../src/adapters/http/queries.js'
import { addressOf, changed, dayOf, filterOf, momentOf, regimes, statuses } from './request-filter.js'
import { expanded } from './views.js'

const id = '0b8f4a6e-0000-4000-8000-000000000000'
const full = new URLSearchParams({
  requestId: id,
  status: 'FAILED,ON_HOLD',
  tenantId: 'acme',
  systemId: 'shop-pg',
  regime: 'gdpr,ccpa',
  dueFrom: '1',
  dueBefore: '2',
  liveErased: 'true',
  backupClear: 'false',
  order: 'due-last',
  view: 'overdue',
  columns: 'due,tenant',
  cursor: 'abc_-',
})

describe('the filter of the list', () => {
  it('knows every status and regime there is', () => {
    expect([...statuses].sort()).toEqual([...asked].sort())
    expect([...regimes].sort()).toEqual(Object.keys(known).sort())
  })

  it('comes back from an address as it was, and is one the service takes', () => {
    expect(filterOf(`?${full}`).toString()).toBe(full.toString())
    expect(listQuery.safeParse(Object.fromEntries(expanded(full, 0))).success).toBe(true)
  })

  it('lets nothing into an address that could name a person', () => {
    const names = ['ada@example.com', 'Ada Lovelace', '+49 170 1234567', '<img src=x onerror=alert(1)>']
    for (const name of names)
      for (const field of [...full.keys(), 'q', 'email']) {
        expect(addressOf(changed(new URLSearchParams(), { [field]: name })), `${field} ${name}`).toBe(
          '/requests',
        )
        expect(filterOf(`?${new URLSearchParams({ [field]: name })}`).size).toBe(0)
      }
  })

  it('starts at its first page when it changes', () => {
    expect(changed(full, { status: 'FAILED' }).has('cursor')).toBe(false)
    expect(changed(full, { cursor: 'next' }).get('cursor')).toBe('next')
    expect(changed(full, { status: '' }).has('status')).toBe(false)
  })

  it('takes days for moments', () => {
    expect(momentOf('2026-11-21')).toBe(String(Date.UTC(2026, 10, 21)))
    expect(dayOf(momentOf('2026-11-21'))).toBe('2026-11-21')
    expect(momentOf('')).toBe('')
    expect(momentOf('soon')).toBe('')
    expect(dayOf(null)).toBe('')
  })
})
