import { describe, expect, it } from 'vitest'
import { exportQuery } from '../../../src/adapters/http/queries.js'
import { filterOf } from './request-filter.js'
import { expanded, isViewName, savedViews, views, withView } from './views.js'

const NOW = 1_763_719_212_345

describe('a named view', () => {
  it('is a filter the service takes, the same within a minute, and is in the address by its name alone', () => {
    for (const { id, filter } of views) {
      const address = new URLSearchParams({ view: id })
      expect(filterOf(`?${address}`).toString(), id).toBe(address.toString())
      const asked = expanded(address, NOW)
      expect(exportQuery.safeParse(Object.fromEntries(asked)).success, id).toBe(true)
      expect(asked.toString()).toBe(expanded(address, NOW + 20_000).toString())
      expect(Object.keys(filter(NOW)).length).toBeGreaterThan(0)
    }
  })

  it('is narrowed by what the address says besides, and the service is not asked for columns', () => {
    const asked = expanded(new URLSearchParams({ view: 'failed', tenantId: 'acme', columns: 'due' }), NOW)
    expect(Object.fromEntries(asked)).toEqual({ status: 'FAILED', order: 'due', tenantId: 'acme' })
    expect(filterOf('?view=ada@example.com').size).toBe(0)
  })
})

describe('a view somebody named', () => {
  it('comes back as it was kept, and what is damaged or leads elsewhere is none', () => {
    const one = { name: 'Überfällig in acme', address: '/requests?tenantId=acme&status=FAILED%2CON_HOLD' }
    expect(savedViews(JSON.stringify([one]))).toEqual([one])
    for (const kept of [null, '', '{}', 'nonsense', '[null]', '[{"name":"x"}]'])
      expect(savedViews(kept), String(kept)).toEqual([])
    for (const address of ['https://evil.example', '//evil', '/requests/../lag', 'javascript:alert(1)'])
      expect(savedViews(JSON.stringify([{ name: 'x', address }])), address).toEqual([])
    for (const name of ['', '<b>', 'ada@example.com', 'x'.repeat(41)])
      expect(isViewName(name), name).toBe(false)
  })

  it('replaces the one of its name, and the oldest goes when there are too many', () => {
    const many = Array.from({ length: 40 }, (_, n) => ({ name: `v${n}`, address: '/requests' }))
    const kept = many.reduce<ReturnType<typeof savedViews>>(withView, [])
    expect(kept).toHaveLength(30)
    expect(withView(kept, { name: 'v39', address: '/requests?status=FAILED' })).toHaveLength(30)
  })
})
