import { type FormEvent, useState } from 'react'
import type { Acted } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { Dialog } from '../parts/dialog.js'
import { actionWords } from '../view/actions.js'
import { requestPage } from '../view/links.js'
import { SystemChoice } from './action-fields.js'

/** Has the probe of one system of one request look again, from the row it stands in. */
export function LookAgain({ requestId, systems }: { requestId: string; systems: readonly string[] }) {
  const [open, setOpen] = useState(false)
  const [told, setTold] = useState('')
  return (
    <>
      <button
        type="button"
        aria-label={`Look again for request ${requestId}`}
        data-look={requestId}
        onClick={() => setOpen(true)}
      >
        Look again …
      </button>
      <span role="status" className="faint">
        {told}
      </span>
      {open && (
        <LookDialog
          requestId={requestId}
          systems={systems}
          onClose={() => setOpen(false)}
          onDone={(systemId) => setTold(` asked ${systemId}`)}
        />
      )}
    </>
  )
}

function LookDialog({
  requestId,
  systems,
  onClose,
  onDone,
}: {
  requestId: string
  systems: readonly string[]
  onClose: () => void
  onDone: (systemId: string) => void
}) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const { title, says, button } = actionWords.reprobe

  async function submit(event: FormEvent<HTMLFormElement>, close: () => void) {
    event.preventDefault()
    const systemId = String(new FormData(event.currentTarget).get('systemId') ?? '')
    setBusy(true)
    setProblem(null)
    try {
      await send<Acted>(`/v1${requestPage(requestId)}/reprobe`, { systemId })
      onDone(systemId)
      close()
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'This could not be done.')
    }
    setBusy(false)
  }

  return (
    <Dialog title={title} onClose={onClose}>
      {(close) => (
        <form onSubmit={(event) => submit(event, close)}>
          <p>{says}</p>
          <SystemChoice systems={systems} />
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
      )}
    </Dialog>
  )
}
