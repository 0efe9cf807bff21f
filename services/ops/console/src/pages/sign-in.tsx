import { type FormEvent, useEffect, useState } from 'react'
import type { SignInWays } from '../../../src/adapters/http/answer-types.js'
import { AskError, ask, isToken } from '../live/ask.js'
import { signIn } from '../live/signing.js'
import { type Ended, endedText } from '../view/ended.js'

const refusals = new Map([
  ['forbidden', 'The identity provider knows you, but gives you no role here. Ask an administrator.'],
  ['unavailable', 'The identity provider does not answer. Try again later.'],
])

export function SignIn({ ended }: { ended: Ended | null }) {
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const [provider, setProvider] = useState<string | null>(null)
  const told = endedText(ended)
  const refused = new URLSearchParams(window.location.search).get('refused')
  useEffect(() => {
    const stop = new AbortController()
    ask<SignInWays>('/v1/sign-in', stop.signal).then(
      (ways) => setProvider(ways.provider),
      // Then there is the token.
      () => setProvider(null),
    )
    return () => stop.abort()
  }, [])

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const token = String(new FormData(event.currentTarget).get('token') ?? '').trim()
    if (!isToken(token)) {
      setProblem('A token has 1 to 8000 letters, digits and signs without a space. Paste it whole.')
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
      {told !== null && (
        <p className="notice warn" role="alert">
          {told}
        </p>
      )}
      {refused !== null && (
        <p className="notice bad" role="alert">
          {refusals.get(refused) ?? 'The identity provider did not let you in. Try again.'}
        </p>
      )}
      {provider !== null && (
        <p>
          <a className="button" href={`/v1/session/oidc?to=${encodeURIComponent(window.location.pathname)}`}>
            Sign in with {provider}
          </a>
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
