const pages = new Set([
  'overview',
  'lag',
  'at-risk',
  'data-map',
  'erasers',
  'gates',
  'dead-letters',
  'requests',
  'restores',
  'verification',
  'where',
  'bulk',
])
const requestId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export const isRequestId = (text: string): boolean => requestId.test(text)

/**
 * The page that shows what an address of the API answers: `/v1/requests?status=FAILED` is on
 * `/requests?status=FAILED`. Anything that is no address of this API leads to the overview, never elsewhere.
 */
export function pageOf(href: string): string {
  const [path = '', query] = href.split('?', 2)
  const parts = path.split('/').filter((part) => part !== '')
  const [version, page = '', id] = parts
  if (version !== 'v1' || !pages.has(page) || parts.length > 3) return '/'
  if (id !== undefined && !(page === 'requests' && isRequestId(id))) return '/'
  const at = page === 'overview' ? '/' : `/${parts.slice(1).join('/')}`
  return query ? `${at}?${query}` : at
}

export const requestPage = (id: string): string => (isRequestId(id) ? `/requests/${id}` : '/requests')

export type Route =
  | {
      readonly page:
        | 'overview'
        | 'lag'
        | 'at-risk'
        | 'data-map'
        | 'erasers'
        | 'gates'
        | 'dead-letters'
        | 'requests'
        | 'restores'
        | 'verification'
        | 'where'
        | 'bulk'
    }
  | { readonly page: 'request'; readonly requestId: string }
  | { readonly page: 'bulk-job'; readonly jobId: string }
  | { readonly page: 'unknown' }

export function routeOf(pathname: string): Route {
  const [page = 'overview', id, ...more] = pathname.split('/').filter((part) => part !== '')
  if (more.length > 0 || !pages.has(page)) return { page: 'unknown' }
  if (id === undefined) return { page: page as 'overview' }
  if (page === 'bulk' && isRequestId(id)) return { page: 'bulk-job', jobId: id }
  return page === 'requests' && isRequestId(id) ? { page: 'request', requestId: id } : { page: 'unknown' }
}
