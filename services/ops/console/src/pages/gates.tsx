import type { Gates as GatesAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Badge, Moment } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'

const columns = ['System', 'Gate', 'Watched', 'Since', 'Strength', 'Restore', 'Why'].map((title) => ({
  title,
}))

export function Gates() {
  const figures = useLive((state) => state.figures)
  const given = new URLSearchParams(useSearch()).get('state')
  const state = given === 'open' || given === 'shut' ? given : null
  const answer = useAnswer<GatesAnswer>(`/v1/gates${state === null ? '' : `?state=${state}`}`, [figures])
  return (
    <Page title="Gates" lead="Nobody uses a store that came back from a backup before its gate opens.">
      {state !== null && (
        <p>
          Only those that are {state}. <Link to="/gates">Show all</Link>
        </p>
      )}
      <Answered answer={answer}>
        {({ items }) => (
          <Table caption="Gates" columns={columns} rows={items.length} empty="None.">
            {items.map((one) => (
              <tr key={one.systemId}>
                <th scope="row">{one.systemId}</th>
                <td>
                  <Badge tone={one.state === 'open' ? 'good' : 'bad'}>{one.state}</Badge>
                </td>
                <td>{one.watched ? 'yes' : 'no: nobody could shut it'}</td>
                <td>
                  <Moment at={one.since} none="not known" />
                </td>
                <td>{one.strength ?? 'none'}</td>
                <td>{one.restoreId ?? 'none'}</td>
                <td>{one.reason ?? 'none'}</td>
              </tr>
            ))}
          </Table>
        )}
      </Answered>
    </Page>
  )
}
