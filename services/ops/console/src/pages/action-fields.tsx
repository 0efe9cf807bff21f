import type { RequestDetail } from '../../../src/adapters/http/answer-types.js'
import { Moment } from '../parts/known.js'
import { alreadyDone, approvalAsked, probed, retryable, type Verb } from '../view/actions.js'
import { sumsOf } from '../view/marks.js'
import { momentOf } from '../view/request-filter.js'
import { grouped } from '../view/words.js'

/** What an action has to be told. Free text goes to the vault of the request service and into no log or address. */
export function ActionFields({ verb, request }: { verb: Verb; request: RequestDetail }) {
  switch (verb) {
    case 'approve':
      return <Approval request={request} />
    case 'refuse':
      return (
        <>
          <Text name="ground" label="Legal ground, such as 12(5)" required />
          <Long name="citation" label="Citation, shown to the person" required />
        </>
      )
    case 'hold':
      return (
        <>
          <TooLate request={request} />
          <Long name="reason" label="Reason (kept sealed)" />
        </>
      )
    case 'release':
      return <Holds request={request} />
    case 'extend':
      return (
        <>
          <p>
            <label htmlFor="newDueAt">New deadline (UTC); left empty: the latest the law allows</label>
            <input id="newDueAt" name="newDueAt" type="date" />
          </p>
          <Long name="reason" label="Reason (kept sealed)" />
        </>
      )
    case 'retry':
      return <SystemChoice systems={retryable(request)} />
    case 'reprobe':
      return <SystemChoice systems={probed(request)} />
    case 'cancel':
      return null
    default:
      return verb satisfies never
  }
}

export const SystemChoice = ({ systems }: { systems: readonly string[] }) => (
  <p>
    <label htmlFor="systemId">System</label>
    <select id="systemId" name="systemId">
      {systems.map((id) => (
        <option key={id} value={id}>
          {id}
        </option>
      ))}
    </select>
  </p>
)

/** The body of the call, from what was typed in; what was left empty is left out. */
export function bodyOf(verb: Verb, form: FormData): object {
  const text = (name: string) => String(form.get(name) ?? '').trim()
  const given = (name: string) => (text(name) === '' ? {} : { [name]: text(name) })
  if (verb === 'extend') {
    const moment = momentOf(text('newDueAt'))
    return { ...given('reason'), ...(moment === '' ? {} : { newDueAt: Number(moment) }) }
  }
  if (verb === 'approve' && text('value') !== '')
    return { identifiers: [{ type: text('type'), value: text('value') }] }
  return {
    ...given('ground'),
    ...given('citation'),
    ...given('reason'),
    ...given('holdId'),
    ...given('systemId'),
  }
}

function Approval({ request }: { request: RequestDetail }) {
  const asked = approvalAsked(request)
  const { attention } = request
  const steps = request.steps.filter(
    (step) => request.awaitingApproval === 'over_ceiling' && step.systemId === attention?.systemId,
  )
  return (
    <>
      {asked !== null && <p>{asked}</p>}
      {steps.length > 0 && (
        <ul>
          {steps.flatMap((step) =>
            Object.entries(step.counts).map(([collection, counts]) => (
              <li key={`${step.stepId} ${collection}`}>
                {step.systemId}, {collection}: {grouped(counts.found)} found
              </li>
            )),
          )}
        </ul>
      )}
      {request.reviewCode !== null && (
        <p className="fields">
          <span>
            <label htmlFor="type">Identifier</label>
            <select id="type" name="type">
              {['user_id', 'email', 'phone'].map((type) => (
                <option key={type}>{type}</option>
              ))}
            </select>
          </span>
          <span>
            <label htmlFor="value">Its value; left empty: what was given is meant</label>
            <input id="value" name="value" autoComplete="off" spellCheck={false} maxLength={512} />
          </span>
        </p>
      )}
    </>
  )
}

function TooLate({ request }: { request: RequestDetail }) {
  const done = alreadyDone(request.steps)
  if (done.length === 0) return <p>Nothing was erased yet, as far as is known.</p>
  return (
    <>
      <p>For this it comes too late:</p>
      <ul data-gone={done.length}>
        {done.map((step) => (
          <li key={step.stepId}>
            {step.stepId}: {step.outcome?.replaceAll('_', ' ')}, {grouped(sumsOf(step.counts).erased)} records
            erased, {grouped(sumsOf(step.counts).redacted)} redacted
          </li>
        ))}
      </ul>
    </>
  )
}

function Holds({ request }: { request: RequestDetail }) {
  return (
    <p>
      <label htmlFor="holdId">Which hold</label>
      <select id="holdId" name="holdId">
        <option value="">all of them</option>
        {request.holds.map((hold) => (
          <option key={hold.holdId} value={hold.holdId}>
            of {hold.by}, {new Date(hold.at).toISOString()}
          </option>
        ))}
      </select>
      {request.holds.map((hold) => (
        <span key={hold.holdId} className="faint">
          {' '}
          In effect since <Moment at={hold.effectiveAt} />.
        </span>
      ))}
    </p>
  )
}

const Text = ({ name, label, required = false }: { name: string; label: string; required?: boolean }) => (
  <p>
    <label htmlFor={name}>{label}</label>
    <input id={name} name={name} required={required} autoComplete="off" maxLength={100} />
  </p>
)

const Long = ({ name, label, required = false }: { name: string; label: string; required?: boolean }) => (
  <p>
    <label htmlFor={name}>{label}</label>
    <textarea id={name} name={name} rows={3} required={required} autoComplete="off" maxLength={1_000} />
  </p>
)
