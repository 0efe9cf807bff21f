import { type FormEvent, useState } from 'react'
import type { PersonRequests } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { session } from '../live/session.js'
import { Dialog } from '../parts/dialog.js'
import { navigate } from '../router.js'
import { addressOf, changed } from '../view/request-filter.js'
import { mayName } from '../view/roles.js'
import { PersonFields, personOf } from './person-fields.js'

/** Leads to the list of a person's requests: the ids get into the address, the person does not. */
export function FindPerson() {
  const [open, setOpen] = useState(false)
  const { who } = session()
  if (who === null || who === undefined || !mayName(who.roles)) return null
  return (
    <p>
      <button type="button" onClick={() => setOpen(true)}>
        Find a person’s requests …
      </button>
      {open && <FindDialog tenants={who.tenants} onClose={() => setOpen(false)} />}
    </p>
  )
}

function FindDialog({ tenants, onClose }: { tenants: readonly string[]; onClose: () => void }) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const [nobody, setNobody] = useState(false)

  async function submit(event: FormEvent<HTMLFormElement>, close: () => void) {
    event.preventDefault()
    const person = personOf(new FormData(event.currentTarget))
    setBusy(true)
    setProblem(null)
    setNobody(false)
    try {
      const { requestIds } = await send<PersonRequests>('/v1/people/requests', person)
      if (requestIds.length === 0) setNobody(true)
      else {
        close()
        navigate(addressOf(changed(new URLSearchParams(), { requestId: requestIds.join(',') })))
      }
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'This could not be done.')
    }
    setBusy(false)
  }

  return (
    <Dialog title="Find a person’s requests" onClose={onClose}>
      {(close) => (
        <form onSubmit={(event) => submit(event, close)}>
          <p>
            What you type is digested by the request service and kept nowhere. That you looked is written
            down.
          </p>
          <PersonFields tenants={tenants} />
          {nobody && (
            <p className="notice warn" role="status">
              No request was made for this person, or what was known of them is destroyed.
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
              {busy ? 'Asking …' : 'Find'}
            </button>
          </p>
        </form>
      )}
    </Dialog>
  )
}
