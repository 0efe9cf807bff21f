import { type FormEvent, useState } from 'react'
import type { Where as WhereAnswer } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { session } from '../live/session.js'
import { Badge } from '../parts/known.js'
import { Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { mayName } from '../view/roles.js'
import { counted, grouped } from '../view/words.js'
import { PersonFields, personOf } from './person-fields.js'

/** Which sources hold a person. The answer is on this page only, until it is left. */
export function Where() {
  const { who } = session()
  return (
    <Page
      title="Where"
      lead="One row per source that holds a person, with the source’s own id. Probes look, and change nothing."
    >
      {who && mayName(who.roles) ? (
        <Asking tenants={who.tenants} />
      ) : (
        <p className="notice warn">This is for privacy officers and administrators.</p>
      )}
    </Page>
  )
}

function Asking({ tenants }: { tenants: readonly string[] }) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const [found, setFound] = useState<WhereAnswer | null>(null)

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const person = personOf(new FormData(event.currentTarget))
    setBusy(true)
    setProblem(null)
    // Of another person nothing may stay on the screen.
    setFound(null)
    try {
      setFound(await send<WhereAnswer>('/v1/people/where', person))
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'This could not be done.')
    }
    setBusy(false)
  }

  return (
    <>
      <form className="filter" onSubmit={submit} aria-label="Which person">
        <PersonFields tenants={tenants} />
        <p className="buttons">
          <button type="submit" disabled={busy}>
            {busy ? 'Asking the probes …' : 'Look'}
          </button>{' '}
          <span className="faint">That you looked is written down, and not for whom.</span>
        </p>
      </form>
      {problem !== null && (
        <p className="notice bad" role="alert">
          {problem}
        </p>
      )}
      {found !== null && <Found found={found} />}
    </>
  )
}

const columns = [
  { title: 'Source' },
  { title: 'Known there as' },
  { title: 'Records', number: true },
  { title: 'In' },
]

function Found({ found: { holding, without, unknown } }: { found: WhereAnswer }) {
  return (
    <>
      <p role="status">
        {counted(holding.length, 'source')} hold this person; {without.length} hold nothing; {unknown.length}{' '}
        could not be asked.
      </p>
      {unknown.length > 0 && (
        <p className="notice warn">
          <strong>Not known:</strong> nobody could look into {unknown.join(', ')}. That is not the same as
          nothing.
        </p>
      )}
      <Table caption="Sources that hold this person" columns={columns} rows={holding.length} empty="None.">
        {holding.map((one) => (
          <tr key={one.systemId} data-source={one.systemId}>
            <th scope="row">{one.systemId}</th>
            <td>
              {one.ids.map(({ type, value }) => (
                <span key={`${type} ${value}`} className="line">
                  <span className="faint">{type}</span> {value}
                </span>
              ))}
            </td>
            <td className="number">
              {one.collections === null
                ? 'unknown'
                : grouped(Object.values(one.collections).reduce((sum, n) => sum + n, 0))}
            </td>
            <td>
              {Object.entries(one.collections ?? {})
                .filter(([, n]) => n > 0)
                .map(([name, n]) => `${name}: ${n}`)
                .join(', ')}
            </td>
          </tr>
        ))}
      </Table>
      {without.length > 0 && (
        <p>
          <Badge tone="quiet">nothing found</Badge> {without.join(', ')}
        </p>
      )}
    </>
  )
}
