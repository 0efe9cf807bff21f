import { type FormEvent, useState, useSyncExternalStore } from 'react'
import type { BulkJob } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { onSession, session } from '../live/session.js'
import { Link, navigate } from '../router.js'
import { actionWords } from '../view/actions.js'
import { bulkVerbs } from '../view/bulk.js'
import { counted } from '../view/words.js'

/** Leads to the page that shows what an action on all of a list would do. Nothing is done by it. */
export function BulkStart({ asked, leftOut }: { asked: URLSearchParams; leftOut: ReadonlySet<string> }) {
  const { who } = useSyncExternalStore(onSession, session)
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const verbs = bulkVerbs(who?.roles ?? [])

  async function show(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const verb = String(new FormData(event.currentTarget).get('verb'))
    const list = Object.fromEntries([...asked].filter(([name]) => name !== 'cursor'))
    setBusy(true)
    try {
      const { jobId } = await send<BulkJob>('/v1/bulk', { verb, list, except: [...leftOut] })
      navigate(`/bulk/${jobId}`)
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'This could not be done.')
      setBusy(false)
    }
  }

  return (
    <form className="controls" onSubmit={show} aria-label="Act on all that fit">
      {verbs.length > 0 && (
        <>
          <label htmlFor="verb">With all that fit{leftOut.size > 0 && `, without ${leftOut.size}`}</label>{' '}
          <select id="verb" name="verb">
            {verbs.map((verb) => (
              <option key={verb} value={verb}>
                {actionWords[verb].button.toLowerCase()}
              </option>
            ))}
          </select>{' '}
          <button type="submit" disabled={busy}>
            {busy ? 'Looking …' : 'Show what it would do'}
          </button>{' '}
        </>
      )}
      <Link to="/bulk">Actions on many requests</Link>
      {leftOut.size > 0 && <span className="faint"> {counted(leftOut.size, 'request')} left out</span>}
      {problem !== null && (
        <span className="notice bad" role="alert">
          {problem}
        </span>
      )}
    </form>
  )
}
