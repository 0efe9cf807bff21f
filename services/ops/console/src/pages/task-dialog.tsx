import { type FormEvent, useState } from 'react'
import type { Acted, Evidence } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { Dialog } from '../parts/dialog.js'
import { Moment } from '../parts/known.js'
import { attestBody, type TaskVerb, verbWords } from '../view/tasks.js'

type TakenTask = NonNullable<Acted['task']>

interface Asked {
  readonly requestId: string
  readonly systemId: string
  readonly verb: TaskVerb
  /** The request is on hold now. */
  readonly held: boolean
  readonly onClose: () => void
  readonly onTold: (text: string) => void
}

/** Takes a task, marks it done, or shows its evidence. What is shown here stands in no address and is kept nowhere. */
export function TaskDialog({ requestId, systemId, verb, held, onClose, onTold }: Asked) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const [whom, setWhom] = useState<TakenTask | null>(null)
  const [evidence, setEvidence] = useState<Evidence | null>(null)
  const { title, says, button } = verbWords[verb]

  async function submit(event: FormEvent<HTMLFormElement>, close: () => void) {
    event.preventDefault()
    const body = verb === 'attest' ? attestBody(new FormData(event.currentTarget)) : {}
    setBusy(true)
    setProblem(null)
    try {
      const answer = await send<Acted & Evidence>(`/v1/requests/${requestId}/${verb}`, { systemId, ...body })
      if (verb === 'take') setWhom(answer.task ?? null)
      if (verb === 'evidence') setEvidence(answer)
      if (verb === 'attest') {
        onTold(
          held
            ? `Recorded: ${systemId}. The request is on hold; what was done since is recorded as done in spite of it.`
            : `Recorded: ${systemId}. It rests on your word, and the request says so.`,
        )
        close()
      }
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'This could not be done.')
    }
    setBusy(false)
  }

  return (
    <Dialog title={`${title} ${systemId}`} onClose={onClose}>
      {(close) =>
        whom !== null || evidence !== null ? (
          <>
            {whom !== null && <Whom task={whom} />}
            {evidence !== null && <Given evidence={evidence} />}
            <p className="buttons">
              <button type="button" onClick={close}>
                Close
              </button>
            </p>
          </>
        ) : (
          <form onSubmit={(event) => submit(event, close)}>
            <p>{says}</p>
            {held && verb === 'attest' && (
              <p className="notice warn">
                The request is on hold. What is done now must not be done; what was done is recorded all the
                same, as what it is.
              </p>
            )}
            {verb === 'attest' && <AttestFields />}
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

function Whom({ task }: { task: TakenTask }) {
  return (
    <>
      <p>{task.instructions ?? 'The data map of this request can not be read any more.'}</p>
      <p>Whom it is about; that you were told is in the audit:</p>
      <ul data-whom>
        {task.identifiers.map(({ type, value }) => (
          <li key={`${type} ${value}`}>
            {type}: <strong>{value}</strong>
          </li>
        ))}
      </ul>
      <p className="notice warn">
        Be done by <Moment at={task.until} />, or take it again first: it may be on hold by then. What came
        there after <Moment at={task.receivedAt} /> may be of somebody who came back, and is not meant.
      </p>
    </>
  )
}

const Given = ({ evidence }: { evidence: Evidence }) => (
  <dl>
    <div>
      <dt>Reference</dt>
      <dd>{evidence.reference}</dd>
    </div>
    <div>
      <dt>Note</dt>
      <dd>{evidence.note ?? 'none'}</dd>
    </div>
  </dl>
)

function AttestFields() {
  const [found, setFound] = useState(true)
  return (
    <>
      <p>
        <label htmlFor="outcome">What came of it</label>
        <select id="outcome" name="outcome" onChange={(event) => setFound(event.target.value === 'erased')}>
          <option value="erased">erased</option>
          <option value="not_found">nothing was there</option>
        </select>
      </p>
      {found && (
        <p>
          <label htmlFor="records">How many records are gone</label>
          <input id="records" name="records" type="number" min={1} max={1_000_000_000} required />
        </p>
      )}
      <p>
        <label htmlFor="doneAt">When it was done (UTC); left empty: now</label>
        <input id="doneAt" name="doneAt" type="datetime-local" />
      </p>
      <p>
        <label htmlFor="reference">Evidence, such as the number of a protocol (kept sealed)</label>
        <input id="reference" name="reference" required maxLength={200} autoComplete="off" />
      </p>
      <p>
        <label htmlFor="note">Note (kept sealed)</label>
        <textarea id="note" name="note" rows={3} maxLength={4_000} autoComplete="off" />
      </p>
      <p className="notice warn">
        <label>
          <input type="checkbox" required /> I did it, or saw it done. Nobody can look again: the request will
          say that it rests on my word.
        </label>
      </p>
    </>
  )
}
