import { type FormEvent, useState } from 'react'
import { AskError, ask, isToken } from '../live/ask.js'
import { type Ended, signIn } from '../live/session.js'
import { navigate } from '../router.js'

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
      // The one question that is answered whatever else is down.
      await ask('/v1/lag', AbortSignal.timeout(15_000), token)
      navigate(window.location.pathname + window.location.search, { replace: true })
      signIn(token)
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
          The session has ended: the credential is not known any more or has expired.
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
          Roles: viewer, operator, privacy officer, administrator. The token stays in this tab until it is
          closed or you sign out; it is sent to this service only. Sign-in with an identity provider is not
          there yet.
        </p>
      </form>
    </main>
  )
}
