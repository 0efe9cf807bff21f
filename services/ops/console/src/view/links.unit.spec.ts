import { describe, expect, it } from 'vitest'
import { pageOf, requestPage, routeOf } from './links.js'

const id = '0b8f4a6e-0000-4000-8000-000000000000'

describe('addresses', () => {
  it('of the API lead to the page that shows the same', () => {
    expect(pageOf('/v1/requests?status=FAILED&order=due')).toBe('/requests?status=FAILED&order=due')
    expect(pageOf(`/v1/requests/${id}`)).toBe(`/requests/${id}`)
    expect(pageOf('/v1/erasers?health=silent')).toBe('/erasers?health=silent')
    expect(pageOf('/v1/overview')).toBe('/')
  })

  it('from elsewhere lead to the overview and never away', () => {
    for (const href of [
      'https://example.com/v1/requests',
      '//example.com/v1/requests',
      'javascript:alert(1)',
      '/v1/requests/../../x',
      `/v1/requests/${id}/timeline`,
      '/v1/vault',
      '',
    ])
      expect(pageOf(href), href).toBe('/')
    expect(requestPage('../lag')).toBe('/requests')
  })

  it('are read back as the page they are', () => {
    expect(routeOf('/')).toEqual({ page: 'overview' })
    expect(routeOf('/restores')).toEqual({ page: 'restores' })
    expect(routeOf('/lag')).toEqual({ page: 'lag' })
    expect(routeOf(`/requests/${id}`)).toEqual({ page: 'request', requestId: id })
    expect(routeOf(`/bulk/${id}`)).toEqual({ page: 'bulk-job', jobId: id })
    for (const path of [
      '/bulk/ada',
      '/requests/ada@example.com',
      '/nothing',
      `/requests/${id}/more`,
      '/lag/1',
    ])
      expect(routeOf(path), path).toEqual({ page: 'unknown' })
  })
})
