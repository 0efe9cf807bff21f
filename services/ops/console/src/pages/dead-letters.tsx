import type { DeadLetters as DeadLettersAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Moment, Unknown } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { grouped } from '../view/words.js'

const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/
const fields = ['group', 'topic', 'code'] as const
const columns = [
  { title: 'Cause' },
  { title: 'Kind' },
  { title: 'Group' },
  { title: 'Topic' },
  { title: 'Type' },
  { title: 'Partition and offset' },
  { title: 'Attempts', number: true },
  { title: 'Redriven', number: true },
  { title: 'First seen' },
  { title: 'Last seen' },
]

export function DeadLetters() {
  const figures = useLive((state) => state.figures)
  const given = new URLSearchParams(useSearch())
  const filter = new URLSearchParams(
    fields.flatMap((field): [string, string][] => {
      const value = given.get(field)
      return value !== null && name.test(value) ? [[field, value]] : []
    }),
  )
  const answer = useAnswer<DeadLettersAnswer>(`/v1/dead-letters${filter.size === 0 ? '' : `?${filter}`}`, [
    figures,
  ])
  const only = (field: (typeof fields)[number], value: string) =>
    name.test(value) ? <Link to={`/dead-letters?${narrowed(filter, field, value)}`}>{value}</Link> : value
  return (
    <Page
      title="Dead letters"
      lead="Messages that could not be worked on and were set aside, by reference: what is in them is not shown."
    >
      {filter.size > 0 && (
        <p>
          Only {[...filter].map(([field, value]) => `${field} ${value}`).join(', ')}.{' '}
          <Link to="/dead-letters">Show all</Link>
        </p>
      )}
      <Answered answer={answer}>
        {({ items, unknown }) =>
          items === null ? (
            <p>
              <Unknown code={unknown} />
            </p>
          ) : (
            <Table caption="Dead letters" columns={columns} rows={items.length} empty="None waits.">
              {items.map((one) => (
                <tr key={one.id}>
                  <th scope="row">{only('code', one.code)}</th>
                  <td>{one.errorClass}</td>
                  <td>{only('group', one.group)}</td>
                  <td>{only('topic', one.topic)}</td>
                  <td>{one.type ?? 'not said'}</td>
                  <td>
                    {one.partition} at {one.offset}
                  </td>
                  <td className="number">{grouped(one.attempts)}</td>
                  <td className="number">{grouped(one.redrives)}</td>
                  <td>
                    <Moment at={one.firstSeen} />
                  </td>
                  <td>
                    <Moment at={one.at} />
                  </td>
                </tr>
              ))}
            </Table>
          )
        }
      </Answered>
    </Page>
  )
}

function narrowed(filter: URLSearchParams, field: string, value: string): URLSearchParams {
  const next = new URLSearchParams(filter)
  next.set(field, value)
  return next
}
