import type { Erasers as ErasersAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Badge, Field } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { pageOf } from '../view/links.js'
import { span } from '../view/time.js'
import { grouped, healthTone } from '../view/words.js'

const healths = /^(up|rebalancing|silent|unknown)(,(up|rebalancing|silent|unknown))*$/
const columns = [
  { title: 'System' },
  { title: 'Role' },
  { title: 'Health' },
  { title: 'Members', number: true },
  { title: 'Lag', number: true },
  { title: 'Present work done in', number: true },
  { title: 'Requests' },
]

export function Erasers() {
  const figures = useLive((state) => state.figures)
  const given = new URLSearchParams(useSearch()).get('health')
  const health = given !== null && healths.test(given) ? given : null
  const answer = useAnswer<ErasersAnswer>(`/v1/erasers${health === null ? '' : `?health=${health}`}`, [
    figures,
  ])
  return (
    <Page title="Erasers" lead="The eraser and the probe of every system of the data map.">
      {health !== null && (
        <p>
          Only those that are {health.replaceAll(',', ' or ')}. <Link to="/erasers">Show all</Link>
        </p>
      )}
      <Answered answer={answer}>
        {({ items }) => (
          <Table caption="Erasers and probes" columns={columns} rows={items.length} empty="None.">
            {items.map((one) => (
              <tr key={one.group} data-group={one.group}>
                <th scope="row">{one.systemId}</th>
                <td>{one.role === 'probe' ? 'probes' : 'erases'}</td>
                <td>
                  <Badge tone={healthTone(one.health)}>{one.health}</Badge>
                </td>
                <td className="number">
                  <Field<number> of={one} name="members" show={grouped} />
                </td>
                <td className="number">
                  <Field<number> of={one} name="lag" show={grouped} />
                </td>
                <td className="number">
                  <Field<number> of={one} name="drainMs" show={span} />
                </td>
                <td>
                  <Link to={pageOf(one.links.requests)}>requests of {one.systemId}</Link>
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Answered>
    </Page>
  )
}
