import type { SessionAnswer } from '../../../src/adapters/http/answer-types.js'
import type { Ended } from '../view/ended.js'

/** What this tab knows of the browser's session. The cookie itself is out of every script's reach. */
export interface Session {
  /** undefined: not asked yet; null: nobody is signed in. */
  readonly who: SessionAnswer | null | undefined
  /** Why nobody is, when somebody was. */
  readonly ended: Ended | null
}

let current: Session = { who: undefined, ended: null }
const listeners = new Set<() => void>()

export const session = (): Session => current

export function onSession(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Somebody is signed in, or still is. */
export function enter(who: SessionAnswer): void {
  set({ who, ended: null })
}

/** Nobody is. Of somebody who was it is told why, and where the service says why it is over. Idempotent. */
export function leave(ended: Ended): void {
  const was = current.who
  if (was !== null) set({ who: null, ended: was === undefined && ended === 'refused' ? null : ended })
}

function set(next: Session): void {
  current = next
  for (const listener of listeners) listener()
}
