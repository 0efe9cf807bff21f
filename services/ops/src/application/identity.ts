import type { Caller } from '@lethe/service-host'
import type { Session } from './sessions.js'

/** Who asks, and what they may be spoken for with. */
export interface Identity {
  readonly caller: Caller
  /** Their own credential: what `request` is asked with. Never in an answer or a log. */
  readonly token: string
  /** null: a bearer token. */
  readonly session: Session | null
}
