import type { SessionAnswer } from '../../../src/adapters/http/answer-types.js'
import { AskError, ask, send } from './ask.js'
import { enter, leave, onSession, session } from './session.js'

const RETRY_MS = 1_000
const LOOK_EVERY_MS = 60_000
const WAIT_MS = 15_000

/** Tabs share the cookie, so they share what becomes of it. Where they can't, each finds out with its next call. */
const tabs = 'BroadcastChannel' in globalThis ? new BroadcastChannel('lethe-session') : null
if (tabs !== null) tabs.onmessage = () => void look()

/** @throws AskError when the token is not taken */
export async function signIn(token: string): Promise<void> {
  enter(await send<SessionAnswer>('/v1/session', { token }))
  tabs?.postMessage('signed in')
}

/** The session is over for every tab. @throws AskError when it could not be ended: then it still is there */
export async function signOut(): Promise<void> {
  await send('/v1/session', {}, 'DELETE')
  leave('signed out')
  tabs?.postMessage('signed out')
}

/** Finds out whether the browser has a session; asks again while nobody answers. */
async function look(): Promise<void> {
  try {
    enter(await ask<SessionAnswer>('/v1/session', AbortSignal.timeout(WAIT_MS)))
  } catch (error) {
    if (error instanceof AskError && (error.status === 401 || error.status === 403)) leave('refused')
    else if (session().who === undefined) setTimeout(() => void look(), RETRY_MS)
  }
}

/** Keeps what is known of the session true; where somebody sits there it keeps the session alive as well. */
export function watchSession(): () => void {
  if (session().who === undefined) void look()
  let { who } = session()
  const forget = onSession(() => {
    // Refused, because somebody signed in anew in another tab: then they are in here as well.
    const left = who && session().who === null && session().ended !== 'signed out'
    who = session().who
    if (left) void look()
  })
  const timer = setInterval(() => {
    if (session().who) void look()
  }, LOOK_EVERY_MS)
  return () => {
    clearInterval(timer)
    forget()
  }
}
