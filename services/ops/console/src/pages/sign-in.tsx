import { type FormEvent, useState } from 'react'
import { AskError, isToken } from '../live/ask.js'
import type { Ended } from '../live/session.js'
import { signIn } from '../live/signing.js'

export function SignIn({ ended }: { ended: Ended | null }) {
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const token = String(new FormData(event.currentTarget).get('token') ?? '').trim()
    if (!isToken(token)) {
      setProblem('A token has 1 to 500 letters, digits and signs without a space. Paste it whole.')
      return
    }
    setBusy(true)
    try {
      await signIn(token)
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'The service did not answer in time. Try again.')
      setBusy(false)
    }
  }

  return (
    <main id="main" className="sign-in">
      <h1>Lethe operations</h1>
      <p>What is stuck, since when, and whom it endangers.</p>
      {ended === 'refused' && (
        <p className="notice warn">
          The session has ended: nobody used it for a while, it was ended elsewhere, or its credential is not
          valid any more.
        </p>
      )}
      <form onSubmit={submit} aria-describedby="kept">
        <label htmlFor="token">Token of a service credential</label>
        <input
          id="token"
          name="token"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? 'kept' : 'problem kept'}
        />
        {problem !== null && (
          <p id="problem" className="notice bad" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" disabled={busy}>
          {busy ? 'Asking …' : 'Sign in'}
        </button>
        <p id="kept" className="faint">
          Roles: viewer, operator, privacy officer, administrator. The token is sent to this service once and
          kept by no script of this page. The session ends when you sign out, close the browser, or leave it
          alone.
        </p>
      </form>
    </main>
  )
}
