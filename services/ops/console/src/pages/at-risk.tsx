import type { AtRisk as AtRiskAnswer, Endangered as One } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Badge, Moment } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { requestPage } from '../view/links.js'
import { span } from '../view/time.js'
import { grouped, plain, statusTone, type Tone } from '../view/words.js'

const place = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/

export function AtRisk() {
  const given = new URLSearchParams(useSearch()).get('place')
  return (
    <Page
      title="At risk"
      lead="Requests whose deadline is endangered by what waits before them, the nearest deadline first."
    >
      <Endangered place={given !== null && place.test(given) ? given : null} />
    </Page>
  )
}

const verdicts: Readonly<Record<One['verdict'], readonly [Tone, string]>> = {
  overdue: ['bad', 'overdue'],
  late: ['bad', 'will be late'],
  standing_still: ['bad', 'stands still'],
  unknown: ['warn', 'unknown'],
}

const columns = [
  'Request',
  'Tenant',
  'Status',
  'Due',
  'Left',
  'Verdict',
  'Expected through',
  'Because of',
].map((title) => ({ title }))

/** @param place only those that this group, or the outbox, endangers */
export function Endangered({ place }: { place: string | null }) {
  const figures = useLive((state) => state.figures)
  const answer = useAnswer<AtRiskAnswer>('/v1/at-risk', [figures])
  return (
    <Answered answer={answer}>
      {({ items, examined, truncated }) => {
        const shown = items.filter(({ because }) => place === null || because.includes(place))
        return (
          <>
            <Table
              caption={place === null ? 'Requests at risk' : `Requests at risk because of ${place}`}
              columns={columns}
              rows={shown.length}
              empty={`None of the ${grouped(examined)} requests under way.`}
            >
              {shown.map((one) => (
                <Row key={one.requestId} one={one} />
              ))}
            </Table>
            {place !== null && (
              <p>
                <Link to="/at-risk">Show those that anything endangers</Link>
              </p>
            )}
            {truncated && (
              <p className="notice warn">
                Only the {grouped(examined)} requests with the nearest deadlines were looked at; there are
                more.
              </p>
            )}
          </>
        )
      }}
    </Answered>
  )
}

function Row({ one }: { one: One }) {
  const [tone, text] = verdicts[one.verdict]
  return (
    <tr data-request={one.requestId}>
      <th scope="row">
        <Link to={requestPage(one.requestId)} className="id">
          {one.requestId}
        </Link>
      </th>
      <td>{one.tenantId}</td>
      <td>
        <Badge tone={statusTone(one.status)}>{plain(one.status)}</Badge>
      </td>
      <td>
        <Moment at={one.dueAt} />
      </td>
      <td>{one.leftMs < 0 ? `${span(one.leftMs)} over` : span(one.leftMs)}</td>
      <td>
        <Badge tone={tone}>{text}</Badge>
      </td>
      <td>
        <Moment at={one.expectedAt} none="nobody can say" />
      </td>
      <td>{one.because.join(', ')}</td>
    </tr>
  )
}
