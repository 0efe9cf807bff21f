import { type FormEvent, useState } from 'react'
import { Link, navigate } from '../router.js'
import { chosenColumns, columnsText } from '../view/columns.js'
import {
  addressOf,
  changed,
  dayOf,
  filterTexts,
  fits,
  momentOf,
  regimes,
  statuses,
} from '../view/request-filter.js'
import { plain } from '../view/words.js'
import { requestColumns } from './request-columns.js'

const texts = [
  ['requestId', 'Request id'],
  ['systemId', 'System'],
  ['tenantId', 'Tenant'],
] as const

/** Made anew for every address: what stands in the address stands in the fields. */
export function RequestFilter({ filter }: { filter: URLSearchParams }) {
  const [problems, setProblems] = useState<readonly string[]>([])

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const text = (name: string) => String(form.get(name) ?? '').trim()
    const wrong = texts.filter(([name]) => text(name) !== '' && !fits(name, text(name))).map(([name]) => name)
    setProblems(wrong)
    if (wrong.length > 0) return
    const next = changed(filter, {
      ...Object.fromEntries(texts.map(([name]) => [name, text(name)])),
      status: form.getAll('status').join(','),
      regime: text('regime'),
      dueFrom: momentOf(text('dueFrom')),
      dueBefore: momentOf(text('dueBefore')),
      order: text('order'),
      columns: columnsText(form.getAll('columns').map(String)),
    })
    navigate(addressOf(next))
  }

  const chosen = (filter.get('status') ?? '').split(',')
  return (
    <form className="filter" onSubmit={submit} aria-label="Which requests" noValidate>
      <fieldset>
        <legend>Status</legend>
        {statuses.map((status) => (
          <label key={status}>
            <input type="checkbox" name="status" value={status} defaultChecked={chosen.includes(status)} />{' '}
            {plain(status)}
          </label>
        ))}
      </fieldset>
      <div className="fields">
        {texts.map(([name, label]) => (
          <p key={name}>
            <label htmlFor={name}>{label}</label>
            <input
              id={name}
              name={name}
              defaultValue={filter.get(name) ?? ''}
              autoComplete="off"
              spellCheck={false}
              aria-invalid={problems.includes(name)}
              aria-describedby={problems.includes(name) ? `${name}-problem` : undefined}
            />
            {problems.includes(name) && (
              <span id={`${name}-problem`} className="notice bad" role="alert">
                {filterTexts[name]}
              </span>
            )}
          </p>
        ))}
        <p>
          <label htmlFor="regime">Regime</label>
          <select id="regime" name="regime" defaultValue={filter.get('regime') ?? ''}>
            <option value="">any</option>
            {regimes.map((regime) => (
              <option key={regime} value={regime}>
                {plain(regime)}
              </option>
            ))}
          </select>
        </p>
        <p>
          <label htmlFor="dueFrom">Due from (UTC)</label>
          <input id="dueFrom" name="dueFrom" type="date" defaultValue={dayOf(filter.get('dueFrom'))} />
        </p>
        <p>
          <label htmlFor="dueBefore">Due before (UTC)</label>
          <input id="dueBefore" name="dueBefore" type="date" defaultValue={dayOf(filter.get('dueBefore'))} />
        </p>
        <p>
          <label htmlFor="order">First</label>
          <select id="order" name="order" defaultValue={filter.get('order') ?? 'received'}>
            <option value="received">the latest received</option>
            <option value="oldest">the oldest received</option>
            <option value="due">the nearest deadline</option>
            <option value="due-last">the farthest deadline</option>
          </select>
        </p>
      </div>
      <details>
        <summary>Columns</summary>
        <fieldset>
          <legend>Columns</legend>
          {requestColumns.map(({ id, title }) => (
            <label key={id}>
              <input
                type="checkbox"
                name="columns"
                value={id}
                defaultChecked={chosenColumns(filter).includes(id)}
              />{' '}
              Column {title}
            </label>
          ))}
        </fieldset>
      </details>
      <p className="buttons">
        <button type="submit">Show</button> <Link to="/requests">Clear</Link>
      </p>
    </form>
  )
}
