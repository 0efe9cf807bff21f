import { type FormEvent, useState } from 'react'
import type { Acted, RequestDetail } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { Dialog } from '../parts/dialog.js'
import { actionWords, type Verb } from '../view/actions.js'
import { ActionFields, bodyOf } from './action-fields.js'
import { HoldTold } from './hold-told.js'

/** What this person may do with the request now. The service decides, and says why not. */
export function RequestActions({ request }: { request: RequestDetail }) {
  const [open, setOpen] = useState<Verb | null>(null)
  const [told, setTold] = useState('')
  if (request.actions.length === 0 && told === '') return null
  return (
    <section aria-label="Actions" className="actions">
      {request.actions.map((verb) => (
        <button key={verb} type="button" onClick={() => setOpen(verb)} data-action={verb}>
          {actionWords[verb].button} …
        </button>
      ))}
      <p role="status">{told}</p>
      {open !== null && (
        <ActionDialog
          key={open}
          verb={open}
          request={request}
          onClose={() => setOpen(null)}
          onDone={() => setTold(`Done: ${actionWords[open].button.toLowerCase()}.`)}
        />
      )}
    </section>
  )
}

function ActionDialog({
  verb,
  request,
  onClose,
  onDone,
}: {
  verb: Verb
  request: RequestDetail
  onClose: () => void
  onDone: () => void
}) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const [held, setHeld] = useState<Acted | null>(null)
  const { title, says, final, button } = actionWords[verb]

  async function submit(event: FormEvent<HTMLFormElement>, close: () => void) {
    event.preventDefault()
    const body = bodyOf(verb, new FormData(event.currentTarget))
    setBusy(true)
    setProblem(null)
    try {
      const done = await send<Acted>(`/v1/requests/${request.requestId}/${verb}`, body)
      onDone()
      if (verb === 'hold') setHeld(done)
      else close()
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'This could not be done.')
    }
    setBusy(false)
  }

  return (
    <Dialog title={held === null ? title : 'The erasure is on hold'} onClose={onClose}>
      {(close) =>
        held !== null ? (
          <HoldTold held={held} close={close} />
        ) : (
          <form onSubmit={(event) => submit(event, close)}>
            <p>{says}</p>
            <ActionFields verb={verb} request={request} />
            {final !== null && (
              <p className="notice warn">
                <label>
                  <input type="checkbox" required /> {final} I want it.
                </label>
              </p>
            )}
            {problem !== null && (
              <p className="notice bad" role="alert">
                {problem}
              </p>
            )}
            <p className="buttons">
              <button type="button" onClick={close}>
                Go back
              </button>{' '}
              <button type="submit" disabled={busy}>
                {busy ? 'Asking …' : button}
              </button>
            </p>
          </form>
        )
      }
    </Dialog>
  )
}
