import type { RequestPage as Answer, RequestRow } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Badge, Moment } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { requestPage } from '../view/links.js'
import { addressOf, changed, filterOf } from '../view/request-filter.js'
import { plain, statusTone } from '../view/words.js'
import { FindPerson } from './find-person.js'
import { RequestFilter } from './request-filter.js'

const columns = [
  { title: 'Request' },
  { title: 'Status' },
  { title: 'Due' },
  { title: 'Received' },
  { title: 'Systems done', number: true },
  { title: 'Tenant' },
  { title: 'Regime' },
  { title: 'To do' },
]

/** The whole view is in the address, so that it can be kept and shared. */
export function Requests() {
  const requests = useLive((state) => state.requests)
  const figures = useLive((state) => state.figures)
  const transport = useLive((state) => state.transport)
  const filter = filterOf(useSearch())
  // Without a stream nobody tells that a request changed.
  const tick = transport === 'polling' ? figures : requests
  const answer = useAnswer<Answer>(`/v1/requests${filter.size === 0 ? '' : `?${filter}`}`, [tick])
  return (
    <Page title="Requests">
      <FindPerson />
      <RequestFilter key={filter.toString()} filter={filter} />
      <Answered answer={answer}>
        {({ items, nextCursor }) => (
          <>
            <Table
              caption={`Requests, ${filter.get('order') === 'due' ? 'the nearest deadline' : 'the latest'} first`}
              columns={columns}
              rows={items.length}
              empty="No request fits."
            >
              {items.map((one) => (
                <Row key={one.requestId} one={one} />
              ))}
            </Table>
            <nav aria-label="Pages of the list" className="paging">
              {filter.has('cursor') && <Link to={addressOf(changed(filter, {}))}>First page</Link>}
              {nextCursor !== null && (
                <Link to={addressOf(changed(filter, { cursor: nextCursor }))}>Next page</Link>
              )}
            </nav>
          </>
        )}
      </Answered>
    </Page>
  )
}

function Row({ one }: { one: RequestRow }) {
  return (
    <tr data-request={one.requestId}>
      <th scope="row">
        <Link to={requestPage(one.requestId)} className="id">
          {one.requestId}
        </Link>
      </th>
      <td>
        <Badge tone={statusTone(one.status)}>{plain(one.status)}</Badge>
      </td>
      <td>
        <Moment at={one.dueAt} />
      </td>
      <td>
        <Moment at={one.receivedAt} />
      </td>
      <td className="number">
        {one.systemsDone} of {one.systemsTotal}
      </td>
      <td>{one.tenantId}</td>
      <td>{one.regime}</td>
      <td>
        {one.attention === null ? '' : `${plain(one.attention.owner)}: ${plain(one.attention.nextStep)}`}
      </td>
    </tr>
  )
}
