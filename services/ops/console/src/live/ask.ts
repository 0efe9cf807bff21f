import { session, signOut } from './session.js'

/** An answer that is none: what went wrong and what to do, in the service's own words where it gave some. */
export class AskError extends Error {
  constructor(
    /** 0: the service was not reached. */
    readonly status: number,
    message: string,
  ) {
    super(message)
    this.name = 'AskError'
  }
}

/** What can be sent as a bearer token; anything else is refused before it is sent. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]{1,500}$/.test(text)

/** @throws AskError; a 401 also ends the session that asked */
export async function ask<T>(path: string, signal: AbortSignal, token = session().token): Promise<T> {
  const response = await reach(path, signal, token, {})
  return (await response.json()) as T
}

/** The raw response, for the stream. @throws AskError */
export async function reach(
  path: string,
  signal: AbortSignal,
  token: string | null,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  if (token === null) throw new AskError(401, 'Nobody is signed in.')
  const response = await fetch(path, {
    signal,
    headers: { ...headers, authorization: `Bearer ${token}` },
    cache: 'no-store',
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
  }).catch((error: unknown) => {
    if (signal.aborted) throw error
    throw new AskError(0, 'The service can not be reached. It is asked again.')
  })
  if (response.ok) return response
  if (response.status === 401 && token === session().token) signOut('refused')
  throw new AskError(response.status, await problemOf(response))
}

async function problemOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => null)
  const { title, detail } = (problem ?? {}) as { title?: unknown; detail?: unknown }
  const said = [title, detail].filter((text) => typeof text === 'string')
  return said.length > 0 ? said.join(' ') : `The service answered ${response.status}.`
}
