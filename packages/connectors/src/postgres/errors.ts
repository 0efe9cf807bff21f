import { PausedError, RetryableError, TerminalError } from '@lethe/eraser-kit'

export type ErrorClass = 'retryable' | 'terminal' | 'paused'

/** What a failed statement means here: a stable code, whether to try again, and whose fault it may be. */
export interface Failure {
  readonly code: string
  readonly errorClass: ErrorClass
  /**
   * `row`: one subject's data can cause it, so the batch is bisected. `transaction`: the same work may
   * succeed in a new transaction. `batch`: nothing of this batch can go on.
   */
  readonly scope: 'row' | 'transaction' | 'batch'
}

/** SQLSTATE raised by the trigger on receipts when a grant expired before COMMIT. */
export const GRANT_EXPIRED_STATE = 'LE001'

const EXACT: Readonly<Record<string, Failure>> = {
  '40P01': { code: 'deadlock', errorClass: 'retryable', scope: 'transaction' },
  '40001': { code: 'serialization', errorClass: 'retryable', scope: 'transaction' },
  '55P03': { code: 'row_locked', errorClass: 'retryable', scope: 'row' },
  '57014': { code: 'timeout', errorClass: 'retryable', scope: 'batch' },
  '25P03': { code: 'timeout', errorClass: 'retryable', scope: 'batch' },
  [GRANT_EXPIRED_STATE]: { code: 'grant_expired', errorClass: 'retryable', scope: 'batch' },
  '42501': { code: 'missing_rights', errorClass: 'terminal', scope: 'batch' },
  '42P01': { code: 'missing_table', errorClass: 'terminal', scope: 'batch' },
  '42703': { code: 'missing_column', errorClass: 'terminal', scope: 'batch' },
  '3D000': { code: 'missing_database', errorClass: 'terminal', scope: 'batch' },
  '23503': { code: 'referenced_elsewhere', errorClass: 'terminal', scope: 'row' },
  '23001': { code: 'referenced_elsewhere', errorClass: 'terminal', scope: 'row' },
  '23502': { code: 'replacement_null', errorClass: 'terminal', scope: 'row' },
  '23505': { code: 'replacement_not_unique', errorClass: 'terminal', scope: 'row' },
  '23514': { code: 'replacement_check', errorClass: 'terminal', scope: 'row' },
  '25006': { code: 'read_only', errorClass: 'paused', scope: 'batch' },
}

const BY_CLASS: Readonly<Record<string, Failure>> = {
  '08': { code: 'connection_lost', errorClass: 'retryable', scope: 'batch' },
  '53': { code: 'store_busy', errorClass: 'retryable', scope: 'batch' },
  '57': { code: 'connection_lost', errorClass: 'retryable', scope: 'batch' },
  '28': { code: 'access_refused', errorClass: 'terminal', scope: 'batch' },
  '22': { code: 'replacement_invalid', errorClass: 'terminal', scope: 'row' },
  '23': { code: 'constraint', errorClass: 'terminal', scope: 'row' },
  '42': { code: 'map_mismatch', errorClass: 'terminal', scope: 'batch' },
  P0: { code: 'refused_by_trigger', errorClass: 'terminal', scope: 'row' },
}

/**
 * Maps what the driver threw to a code. The driver's message and detail quote rows, so neither ever
 * leaves: only SQLSTATE and the name of the server's routine are read.
 */
export function failureOf(error: unknown): Failure {
  const { code, routine } = (error ?? {}) as { code?: unknown; routine?: unknown }
  if (routine === 'check_enable_rls') return { code: 'rls_active', errorClass: 'terminal', scope: 'batch' }
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) {
    return (
      EXACT[code] ??
      BY_CLASS[code.slice(0, 2)] ?? { code: 'store_error', errorClass: 'retryable', scope: 'batch' }
    )
  }
  if (isBug(error)) return { code: 'internal', errorClass: 'retryable', scope: 'batch' }
  return { code: 'connection_lost', errorClass: 'retryable', scope: 'batch' }
}

/** Nothing the store said but a mistake in this connector. */
function isBug(error: unknown): error is Error {
  return (
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  )
}

const ADVICE: Readonly<Record<string, string>> = {
  rls_active: 'Row-level security filters what this role sees. Give the role BYPASSRLS.',
  missing_rights: 'The role lacks a right the README of this connector lists.',
  access_refused: 'The server refused the role or its password.',
  read_only: 'The server takes no writes: it is a standby, or read-only by setting.',
  missing_table: 'A table of the data map does not exist.',
  missing_column: 'A column of the data map does not exist.',
}

/** The error to throw across the connector's boundary for something the driver threw. */
export function crossing(error: unknown, doing: string): Error {
  if (isOurs(error)) return error
  const { code, errorClass } = failureOf(error)
  const message = `PostgreSQL could not ${doing} (${code}).${ADVICE[code] ? ` ${ADVICE[code]}` : ''}`
  const cause = new Error(isBug(error) ? error.name : `SQLSTATE ${stateOf(error)}`)
  if (isBug(error)) cause.stack = `${error.name}\n${framesOf(error).join('\n')}`
  if (errorClass === 'terminal') return new TerminalError(code, message, { cause })
  if (errorClass === 'paused') return new PausedError(code, message, { cause })
  return new RetryableError(code, message, { cause })
}

/** Frames say where in the code it was. The message before them could quote what was handled, on lines like frames. */
function framesOf({ stack = '', message }: Error): string[] {
  const at = stack.indexOf(message)
  const frames = at < 0 ? '' : stack.slice(at + message.length)
  return frames.split('\n').filter((line) => /^\s+at /.test(line))
}

export function isOurs(error: unknown): error is RetryableError | TerminalError | PausedError {
  return error instanceof RetryableError || error instanceof TerminalError || error instanceof PausedError
}

function stateOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^[0-9A-Z_]{2,20}$/.test(code) ? code : 'none'
}
