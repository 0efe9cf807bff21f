/** Why nobody is signed in any more, and how that is told; null: by nothing but the page itself. */
const told = {
  'signed out': null,
  too_old: 'The session has ended: it has lasted as long as one may. Sign in again to go on where you were.',
  unused: 'The session has ended: nobody used it for too long. Sign in again to go on where you were.',
  credential_ended: 'The session has ended: its credential is not valid any more. Ask for a new one.',
  made_room:
    'The session has ended: its credential has too many others. Sign in again to go on where you were.',
  refused:
    'The session has ended: it was ended in another tab, or the service was started anew. Sign in again.',
} as const

export type Ended = keyof typeof told

/** Whether it is a reason the service gives. */
export const isEnded = (reason: unknown): reason is Ended =>
  typeof reason === 'string' && Object.hasOwn(told, reason)

export const endedText = (ended: Ended | null): string | null => (ended === null ? null : told[ended])
