import type { Erasers as ErasersAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Badge, Field, Moment, Unknown } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { canaryWords, pacingWords, verdictWords } from '../view/erasers.js'
import { pageOf } from '../view/links.js'
import { span } from '../view/time.js'
import { grouped, plain } from '../view/words.js'

type Eraser = ErasersAnswer['items'][number]

const word = '(up|silent|missing|unusable|failing|unknown)'
const verdicts = new RegExp(`^${word}(,${word})*$`)
const columns = [
  { title: 'System' },
  { title: 'Role' },
  { title: 'State' },
  { title: 'Version' },
  { title: 'Heartbeat' },
  { title: 'Store' },
  { title: 'Canary' },
  { title: 'A minute', number: true },
  { title: 'Failed', number: true },
  { title: 'Rate limit' },
  { title: 'Members', number: true },
  { title: 'Lag', number: true },
  { title: 'Present work done in', number: true },
  { title: 'Requests' },
]

export function Erasers() {
  const figures = useLive((state) => state.figures)
  const given = new URLSearchParams(useSearch()).get('verdict')
  const verdict = given !== null && verdicts.test(given) ? given : null
  const answer = useAnswer<ErasersAnswer>(`/v1/erasers${verdict === null ? '' : `?verdict=${verdict}`}`, [
    figures,
  ])
  return (
    <Page title="Erasers" lead="The eraser and the probe of every system of the data map.">
      {verdict !== null && (
        <p>
          Only those that are {verdict.replaceAll(',', ' or ')}. <Link to="/erasers">Show all</Link>
        </p>
      )}
      <Answered answer={answer}>
        {({ items }) => (
          <Table caption="Erasers and probes" columns={columns} rows={items.length} empty="None.">
            {items.map((one) => (
              <Row key={one.group} one={one} />
            ))}
          </Table>
        )}
      </Answered>
    </Page>
  )
}

function Row({ one }: { one: Eraser }) {
  const { tone, text, why } = verdictWords(one.verdict)
  const number = (name: keyof Eraser & string, show: (n: number) => string) => (
    <td className="number">
      <Field<number> of={one} name={name} show={show} />
    </td>
  )
  return (
    <tr data-group={one.group} data-verdict={one.verdict}>
      <th scope="row">{one.systemId}</th>
      <td>{one.role === 'probe' ? 'probes' : 'erases'}</td>
      <td>
        <Badge tone={tone}>{text}</Badge> {why !== '' && <span className="faint">{why}</span>}
      </td>
      <td>{one.versions.length === 0 ? <Unknown code={one.unknown['store']} /> : one.versions.join(', ')}</td>
      <td>{one.beatAt === null ? <Unknown code={one.unknown['beatAt']} /> : <Moment at={one.beatAt} />}</td>
      <td>
        <Field<string>
          of={one}
          name="store"
          show={(store) => (
            <Badge tone={store === 'ok' ? 'good' : 'bad'}>{store === 'ok' ? 'usable' : plain(store)}</Badge>
          )}
        />
      </td>
      <td data-canary={one.canary?.result ?? 'unknown'}>
        {one.canary === null ? <Unknown code={one.unknown['canary']} /> : <Canary canary={one.canary} />}
      </td>
      {number('perMinute', (n) => grouped(Math.round(n)))}
      {number('errorRate', (part) => `${(part * 100).toFixed(1)} %`)}
      <td>
        {one.unknown['pacing'] === undefined ? (
          pacingWords(one.pacing)
        ) : (
          <Unknown code={one.unknown['pacing']} />
        )}
      </td>
      {number('members', grouped)}
      {number('lag', grouped)}
      {number('drainMs', span)}
      <td>
        <Link to={pageOf(one.links.requests)}>requests of {one.systemId}</Link>
      </td>
    </tr>
  )
}

/** A made-up person of a restore drill, and what this eraser did to them. */
function Canary({ canary }: { canary: NonNullable<Eraser['canary']> }) {
  const { tone, text, why } = canaryWords(canary)
  return (
    <>
      <Badge tone={tone}>{text}</Badge> {why !== '' && <span className="faint">{why}</span>}{' '}
      <Moment at={canary.at} /> <Link to="/restores">drill {canary.drillId}</Link>
    </>
  )
}
