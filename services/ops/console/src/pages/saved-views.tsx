import { type FormEvent, useState } from 'react'
import { Link } from '../router.js'
import { addressOf, changed } from '../view/request-filter.js'
import { isViewName, keepViews, readViews, views, withView } from '../view/views.js'

/** Lists with names: those everybody has, and those somebody named in this browser. */
export function SavedViews({ filter }: { filter: URLSearchParams }) {
  const [own, setOwn] = useState(readViews)
  const [problem, setProblem] = useState<string | null>(null)
  const here = addressOf(changed(filter, {}))

  function save(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const form = event.currentTarget
    const name = String(new FormData(form).get('viewName') ?? '').trim()
    if (!isViewName(name)) return setProblem('A name has up to 40 letters, digits, spaces and . _ - only.')
    setProblem(null)
    const next = withView(own, { name, address: here })
    keepViews(next)
    setOwn(next)
    form.reset()
  }
  function forget(name: string) {
    const next = own.filter((one) => one.name !== name)
    keepViews(next)
    setOwn(next)
  }

  return (
    <nav aria-label="Views" className="views">
      <ul>
        {views.map(({ id, title }) => (
          <li key={id}>
            <Link to={`/requests?view=${id}`} current={filter.get('view') === id}>
              {title}
            </Link>
          </li>
        ))}
        {own.map(({ name, address }) => (
          <li key={name} data-view={name}>
            <Link to={address} current={address === here}>
              {name}
            </Link>{' '}
            <button type="button" onClick={() => forget(name)} aria-label={`Forget the view ${name}`}>
              ×
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={save} aria-label="Name this view">
        <label htmlFor="viewName">Name of this view, kept in this browser</label>{' '}
        <input id="viewName" name="viewName" autoComplete="off" maxLength={40} required />{' '}
        <button type="submit">Save</button>
        {problem !== null && (
          <span className="notice bad" role="alert">
            {problem}
          </span>
        )}
      </form>
    </nav>
  )
}
