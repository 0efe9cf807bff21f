/** Outlives a reload of this tab and nothing else: no other tab, no disk, no cookie that a forged form could use. */
const KEY = 'lethe.credential'

export type Ended = 'signed out' | 'refused'

export interface Session {
  /** A service credential's token; null: nobody is signed in. */
  readonly token: string | null
  /** Why nobody is. */
  readonly ended: Ended | null
}

let current: Session = { token: sessionStorage.getItem(KEY), ended: null }
const listeners = new Set<() => void>()

export const session = (): Session => current

export function onSession(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function signIn(token: string): void {
  sessionStorage.setItem(KEY, token)
  set({ token, ended: null })
}

/** The token is gone from this tab. Idempotent. */
export function signOut(ended: Ended): void {
  sessionStorage.removeItem(KEY)
  if (current.token !== null) set({ token: null, ended })
}

function set(next: Session): void {
  current = next
  for (const listener of listeners) listener()
}
