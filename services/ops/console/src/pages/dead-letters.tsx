import { useState, useSyncExternalStore } from 'react'
import type { DeadLetter, DeadLetters as DeadLettersAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { onSession, session } from '../live/session.js'
import { Badge, Moment, Unknown } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { grouped } from '../view/words.js'
import { LookAtLetter } from './dead-letter-look.js'
import { Redrive, type ToRedrive } from './redrive.js'

const name = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/
const fields = ['group', 'topic', 'code', 'quarantined'] as const
/** A first look for the buttons; the service decides. */
const workers: readonly string[] = ['operator', 'privacy_officer', 'admin']
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
  { title: 'Do' },
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
  const [done, setDone] = useState(0)
  const [looking, setLooking] = useState<DeadLetter | null>(null)
  const [sending, setSending] = useState<ToRedrive | null>(null)
  const answer = useAnswer<DeadLettersAnswer>(`/v1/dead-letters${filter.size === 0 ? '' : `?${filter}`}`, [
    figures,
    done,
  ])
  const { who } = useSyncExternalStore(onSession, session)
  const may = who?.roles.some((role) => workers.includes(role)) === true
  const only = (field: (typeof fields)[number], value: string) =>
    name.test(value) ? <Link to={`/dead-letters?${narrowed(filter, field, value)}`}>{value}</Link> : value
  return (
    <Page
      title="Dead letters"
      lead="Messages that could not be worked on and were set aside. What is in one is shown to operators, and every look is audited."
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
            <>
              {may && (
                <p className="buttons">
                  {[...new Set(items.map(({ group }) => group))].map((group) => (
                    <button
                      key={group}
                      type="button"
                      onClick={() => setSending({ ...Object.fromEntries(filter), group })}
                    >
                      Redrive all of {group} …
                    </button>
                  ))}
                </p>
              )}
              <Table caption="Dead letters" columns={columns} rows={items.length} empty="None waits.">
                {items.map((one) => (
                  <tr key={`${one.group} ${one.id}`} data-letter={one.id} data-redrives={one.redrives}>
                    <th scope="row">{only('code', one.code)}</th>
                    <td>{one.errorClass}</td>
                    <td>{only('group', one.group)}</td>
                    <td>{only('topic', one.topic)}</td>
                    <td>{one.type ?? 'not said'}</td>
                    <td>
                      {one.partition} at {one.offset}
                    </td>
                    <td className="number">{grouped(one.attempts)}</td>
                    <td className="number">
                      {grouped(one.redrives)} {one.quarantined && <Badge tone="bad">in quarantine</Badge>}
                    </td>
                    <td>
                      <Moment at={one.firstSeen} />
                    </td>
                    <td>
                      <Moment at={one.at} />
                    </td>
                    <td>
                      {may ? (
                        <>
                          <button type="button" onClick={() => setLooking(one)}>
                            Look …
                          </button>{' '}
                          <button
                            type="button"
                            onClick={() => setSending({ group: one.group, ids: [one.id] })}
                          >
                            Redrive …
                          </button>
                        </>
                      ) : (
                        <span className="faint">for operators</span>
                      )}
                    </td>
                  </tr>
                ))}
              </Table>
            </>
          )
        }
      </Answered>
      {looking !== null && <LookAtLetter letter={looking} onClose={() => setLooking(null)} />}
      {sending !== null && (
        <Redrive what={sending} onClose={() => setSending(null)} onDone={() => setDone(done + 1)} />
      )}
    </Page>
  )
}

function narrowed(filter: URLSearchParams, field: string, value: string): URLSearchParams {
  const next = new URLSearchParams(filter)
  next.set(field, value)
  return next
}
