import type { Verb } from '../view/actions.js'

/** What an action has to be told once for all of them. Texts go to the vault of the request service only. */
export function BulkFields({ verb }: { verb: Verb }) {
  switch (verb) {
    case 'refuse':
      return (
        <>
          <p>
            <label htmlFor="ground">Legal ground, such as 12(5)</label>
            <input id="ground" name="ground" required autoComplete="off" maxLength={100} />
          </p>
          <Long name="citation" label="Citation, shown to each person" required />
        </>
      )
    case 'hold':
      return <Long name="reason" label="Reason (kept sealed)" />
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
    case 'reprobe':
      return (
        <p>
          <label htmlFor="retrySystem">System</label>
          <input
            id="retrySystem"
            name="systemId"
            required
            autoComplete="off"
            maxLength={63}
            spellCheck={false}
          />
        </p>
      )
    case 'approve':
    case 'release':
    case 'cancel':
      return null
    default:
      return verb satisfies never
  }
}

const Long = ({ name, label, required = false }: { name: string; label: string; required?: boolean }) => (
  <p>
    <label htmlFor={name}>{label}</label>
    <textarea id={name} name={name} rows={3} required={required} autoComplete="off" maxLength={1_000} />
  </p>
)
