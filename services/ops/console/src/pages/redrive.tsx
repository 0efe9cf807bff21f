import { type FormEvent, useEffect, useState } from 'react'
import type { Redriven } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { Dialog } from '../parts/dialog.js'
import { counted, grouped } from '../view/words.js'

export interface ToRedrive {
  readonly group: string
  readonly topic?: string
  readonly code?: string
  readonly ids?: readonly string[]
}

const wordsOf = (error: unknown): string =>
  error instanceof AskError ? error.message : 'This could not be done.'

/** Says first what would be sent, then sends it. */
export function Redrive({
  what,
  onClose,
  onDone,
}: {
  what: ToRedrive
  onClose: () => void
  onDone: () => void
}) {
  const [dry, setDry] = useState<Redriven | null>(null)
  const [done, setDone] = useState<Redriven | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  useEffect(() => {
    send<Redriven>('/v1/dead-letters/redrive', { ...what, dryRun: true }).then(setDry, (error: unknown) =>
      setProblem(wordsOf(error)),
    )
  }, [what])

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const rate = Number(new FormData(event.currentTarget).get('rate'))
    setBusy(true)
    setProblem(null)
    try {
      setDone(await send<Redriven>('/v1/dead-letters/redrive', { ...what, dryRun: false, rate }))
      onDone()
    } catch (error) {
      setProblem(wordsOf(error))
    }
    setBusy(false)
  }

  return (
    <Dialog title={`Redrive to ${what.group}`} onClose={onClose}>
      {(close) => (
        <form onSubmit={submit}>
          <p role="status" data-redrive={done === null ? 'dry' : 'done'}>
            {done !== null
              ? `${counted(done.redriven, 'message')} sent again. What fails again is put aside again, with its count.`
              : dry !== null
                ? `${counted(dry.selected.length, 'message')} would be sent again to ${what.group}, and to no other group.`
                : 'Asking what would be sent …'}
          </p>
          {dry !== null && done === null && <Rest dry={dry} />}
          {dry !== null && done === null && dry.selected.length > 0 && (
            <p>
              <label htmlFor="rate">Messages per second</label>
              <input id="rate" name="rate" type="number" min={1} max={1_000} defaultValue={100} required />
            </p>
          )}
          {problem !== null && (
            <p className="notice bad" role="alert">
              {problem}
            </p>
          )}
          <p className="buttons">
            <button type="button" onClick={close}>
              {done === null ? 'Go back' : 'Close'}
            </button>{' '}
            {done === null && (
              <button type="submit" disabled={busy || dry === null || dry.selected.length === 0}>
                {busy ? 'Sending …' : 'Redrive'}
              </button>
            )}
          </p>
        </form>
      )}
    </Dialog>
  )
}

function Rest({ dry }: { dry: Redriven }) {
  return (
    <>
      {dry.gone.length > 0 && (
        <p className="notice warn">
          {counted(dry.gone.length, 'message')} can not be sent: neither the origin nor a copy exists any
          more.
        </p>
      )}
      {dry.quarantined > 0 && (
        <p className="notice warn">
          {grouped(dry.quarantined)} failed again after three redrives and stay where they are. Redrive them
          one by one when their cause is gone.
        </p>
      )}
      {dry.left > 0 && <p>{grouped(dry.left)} more fit and are left for another time.</p>}
    </>
  )
}
