import { useState } from 'react'
import type { RequestPage as Answer, RequestRow } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive, useNow } from '../live/hooks.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { chosenColumns } from '../view/columns.js'
import { requestPage } from '../view/links.js'
import { addressOf, changed, filterOf } from '../view/request-filter.js'
import { expanded } from '../view/views.js'
import { BulkStart } from './bulk-start.js'
import { FindPerson } from './find-person.js'
import { type RequestColumn, requestColumns } from './request-columns.js'
import { RequestFilter } from './request-filter.js'
import { SavedViews } from './saved-views.js'

/** The whole view is in the address, so that it can be kept and shared. */
export function Requests() {
  const requests = useLive((state) => state.requests)
  const figures = useLive((state) => state.figures)
  const transport = useLive((state) => state.transport)
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(new Set())
  const filter = filterOf(useSearch())
  const asked = expanded(filter, useNow())
  const columns = requestColumns.filter(({ id }) => chosenColumns(filter).includes(id))
  // Without a stream nobody tells that a request changed.
  const tick = transport === 'polling' ? figures : requests
  const answer = useAnswer<Answer>(`/v1/requests${asked.size === 0 ? '' : `?${asked}`}`, [tick])
  const toggle = (id: string) => {
    const next = new Set(leftOut)
    if (!next.delete(id)) next.add(id)
    setLeftOut(next)
  }
  return (
    <Page title="Requests">
      <FindPerson />
      <SavedViews filter={filter} />
      <RequestFilter key={filter.toString()} filter={filter} />
      <BulkStart asked={asked} leftOut={leftOut} />
      <Answered answer={answer}>
        {({ items, nextCursor }) => (
          <>
            <Table
              caption={`Requests, ${captions[asked.get('order') ?? 'received']}`}
              columns={[
                { title: 'Request' },
                ...columns.map((column) => headOf(column, filter, asked.get('order') ?? 'received')),
                { title: 'Leave out' },
              ]}
              rows={items.length}
              empty="No request fits."
            >
              {items.map((one) => (
                <Row
                  key={one.requestId}
                  one={one}
                  columns={columns}
                  out={leftOut.has(one.requestId)}
                  toggle={toggle}
                />
              ))}
            </Table>
            <nav aria-label="Pages of the list" className="paging">
              {filter.has('cursor') && <Link to={addressOf(changed(filter, {}))}>First page</Link>}
              {nextCursor !== null && (
                <Link to={addressOf(changed(filter, { cursor: nextCursor }))}>Next page</Link>
              )}
              <a href={fileOf(asked)} download="requests.csv">
                All of them as CSV
              </a>
            </nav>
          </>
        )}
      </Answered>
    </Page>
  )
}

const captions: Readonly<Record<string, string>> = {
  received: 'the latest first',
  oldest: 'the oldest first',
  due: 'the nearest deadline first',
  'due-last': 'the farthest deadline first',
}

function fileOf(asked: URLSearchParams): string {
  const query = new URLSearchParams(asked)
  query.delete('cursor')
  return `/v1/requests.csv${query.size === 0 ? '' : `?${query}`}`
}

/** A click sorts by it, another the other way round. */
function headOf({ title, number, orders }: RequestColumn, filter: URLSearchParams, order: string) {
  if (orders === undefined) return { title, ...(number ? { number } : {}) }
  const [first, other] = orders
  const ascending = ['due', 'oldest']
  const sorted = !orders.includes(order) ? 'none' : ascending.includes(order) ? 'ascending' : 'descending'
  const to = addressOf(changed(filter, { order: order === first ? other : first }))
  return { title, sorted, to } as const
}

function Row({
  one,
  columns,
  out,
  toggle,
}: {
  one: RequestRow
  columns: readonly RequestColumn[]
  out: boolean
  toggle: (id: string) => void
}) {
  return (
    <tr data-request={one.requestId}>
      <th scope="row">
        <Link to={requestPage(one.requestId)} className="id">
          {one.requestId}
        </Link>
      </th>
      {columns.map(({ id, number, cell }) => (
        <td key={id} className={number ? 'number' : undefined}>
          {cell(one)}
        </td>
      ))}
      <td>
        <input
          type="checkbox"
          checked={out}
          onChange={() => toggle(one.requestId)}
          aria-label={`Leave ${one.requestId} out of an action on all`}
        />
      </td>
    </tr>
  )
}
