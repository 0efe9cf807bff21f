import { PausedError, RetryableError, TerminalError } from '@lethe/eraser-kit'

export type ErrorClass = 'retryable' | 'terminal' | 'paused'

/** What a failed command means here. */
export interface Failure {
  readonly code: string
  readonly errorClass: ErrorClass
}

/** First word of a Redis error reply → what it means. */
const BY_REPLY: Readonly<Record<string, Failure>> = {
  NOAUTH: { code: 'access_refused', errorClass: 'terminal' },
  WRONGPASS: { code: 'access_refused', errorClass: 'terminal' },
  NOPERM: { code: 'missing_rights', errorClass: 'terminal' },
  WRONGTYPE: { code: 'wrong_type', errorClass: 'terminal' },
  READONLY: { code: 'replica', errorClass: 'paused' },
  LOADING: { code: 'store_busy', errorClass: 'retryable' },
  BUSY: { code: 'store_busy', errorClass: 'retryable' },
  TRYAGAIN: { code: 'store_busy', errorClass: 'retryable' },
  CLUSTERDOWN: { code: 'store_busy', errorClass: 'retryable' },
  MASTERDOWN: { code: 'store_busy', errorClass: 'retryable' },
  NOREPLICAS: { code: 'store_busy', errorClass: 'retryable' },
  OOM: { code: 'store_full', errorClass: 'retryable' },
  MISCONF: { code: 'store_full', errorClass: 'retryable' },
}
/** Redis answers a refused command inside a script with ERR and one of these. */
const REFUSED_IN_SCRIPT = /ACL failure in script|can't run this command|can't access at least one of the keys/

const ADVICE: Readonly<Record<string, string>> = {
  access_refused: 'The server refused the user or its password.',
  missing_rights: 'The user lacks a right the README of this connector lists.',
  replica: 'The server is a replica: give the address of the master.',
  wrong_type: 'An index set of the data map is no set.',
  store_full: 'The server takes no writes: memory or disk is full.',
}

/**
 * Maps what the client threw to a code. Error replies and their commands quote keys, so neither ever
 * leaves: only the reply's first word is read.
 */
export function failureOf(error: unknown): Failure {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown }
  if (name !== 'ReplyError' || typeof message !== 'string') {
    return { code: 'connection_lost', errorClass: 'retryable' }
  }
  if (REFUSED_IN_SCRIPT.test(message)) return BY_REPLY.NOPERM as Failure
  const word = message.split(/[\s:]/, 1)[0] ?? ''
  const known = Object.hasOwn(BY_REPLY, word) ? BY_REPLY[word] : undefined
  return known ?? { code: 'store_error', errorClass: 'retryable' }
}

export const isDenied = (error: unknown): boolean => failureOf(error).code === 'missing_rights'

/** For whoever needs to know of every key: one of them may not be asked for. */
export const deniedKey = (doing: string) =>
  new TerminalError('missing_rights', `Redis could not ${doing} (missing_rights). ${ADVICE.missing_rights}`)

/** The error to throw across the connector's boundary for something the client threw. */
export function crossing(error: unknown, doing: string): Error {
  if (isOurs(error)) return error
  const { code, errorClass } = failureOf(error)
  const message = `Redis could not ${doing} (${code}).${ADVICE[code] ? ` ${ADVICE[code]}` : ''}`
  if (errorClass === 'terminal') return new TerminalError(code, message)
  if (errorClass === 'paused') return new PausedError(code, message)
  return new RetryableError(code, message)
}

export function isOurs(error: unknown): error is RetryableError | TerminalError | PausedError {
  return error instanceof RetryableError || error instanceof TerminalError || error instanceof PausedError
}

/** Runs `work` and lets nothing of the client's errors out. */
export async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw crossing(error, doing)
  }
}
