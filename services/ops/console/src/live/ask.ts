import { type Ended, isEnded } from '../view/ended.js'
import { attended } from './attended.js'
import { leave, session } from './session.js'

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

/** What can be sent as a token; anything else is refused before it is sent. */
export const isToken = (text: string): boolean => /^[\x21-\x7e]{1,8000}$/.test(text)

/** @throws AskError; a 401 also ends the session that asked */
export async function ask<T>(path: string, signal: AbortSignal): Promise<T> {
  const response = await reach(path, { signal })
  return (await response.json()) as T
}

/**
 * Changes something, with the session's own token; what is typed in goes into the body only. It is not repeated:
 * who sent it decides what to do when no answer came.
 *
 * @throws AskError
 */
export async function send<T>(path: string, body: object, method: 'POST' | 'DELETE' = 'POST'): Promise<T> {
  const csrf = session().who?.csrfToken
  const response = await reach(path, {
    method,
    signal: AbortSignal.timeout(60_000),
    headers: { 'content-type': 'application/json', ...(csrf ? { 'x-lethe-csrf': csrf } : {}) },
    body: JSON.stringify(body),
  })
  return (response.status === 204 ? null : await response.json()) as T
}

interface Call {
  readonly signal: AbortSignal
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The raw response, for the stream. @throws AskError */
export async function reach(path: string, call: Call): Promise<Response> {
  const { who } = session()
  const response = await fetch(path, {
    ...call,
    headers: { ...call.headers, ...ofPage(path) },
    cache: 'no-store',
    credentials: 'same-origin',
    referrerPolicy: 'no-referrer',
  }).catch((error: unknown) => {
    if (call.signal.aborted && call.method === undefined) throw error
    throw new AskError(0, unreached(call.method))
  })
  if (response.ok) return response
  const { message, ended } = await problemOf(response)
  if (response.status === 401 && who?.tabs === session().who?.tabs) leave(ended)
  throw new AskError(response.status, message)
}

/** Whether somebody sits there, and which session the page is of; who it is of is what `/v1/session` is asked for. */
function ofPage(path: string): Readonly<Record<string, string>> {
  const tabs = session().who?.tabs
  return {
    ...(attended() ? { 'x-lethe-attended': '1' } : {}),
    ...(tabs && path !== '/v1/session' ? { 'x-lethe-tabs': tabs } : {}),
  }
}

const unreached = (method: string | undefined): string =>
  method === undefined
    ? 'The service can not be reached. It is asked again.'
    : 'No answer came, so it is not known whether this was done. Look before you try again.'

async function problemOf(response: Response): Promise<{ message: string; ended: Ended }> {
  const problem: unknown = await response.json().catch(() => null)
  const { title, detail, ended } = (problem ?? {}) as { title?: unknown; detail?: unknown; ended?: unknown }
  const said = [title, detail].filter((text) => typeof text === 'string')
  return {
    message: said.length > 0 ? said.join(' ') : `The service answered ${response.status}.`,
    ended: isEnded(ended) ? ended : 'refused',
  }
}
