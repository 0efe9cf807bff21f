import { PausedError, RetryableError, StoreAwayError, TerminalError } from '@lethe/eraser-kit'

export type ErrorClass = 'retryable' | 'terminal' | 'paused'

/** What a failed call means here. */
export interface Failure {
  readonly code: string
  readonly errorClass: ErrorClass
}

/**
 * What a client threw, without anything it said: texts of the store quote documents and queries. `kind` is the
 * name the store gives the sort of error, e.g. `index_not_found_exception`.
 */
export class StoreError extends Error {
  constructor(
    /** HTTP status, or null when no answer came. */
    readonly status: number | null,
    readonly kind: string,
  ) {
    super(`status ${status ?? 'none'} ${kind}`)
    this.name = 'StoreError'
  }
}

const BUSY: Failure = { code: 'store_busy', errorClass: 'retryable' }
const BY_KIND: Readonly<Record<string, Failure>> = {
  // A node that goes answers so, with status 500 like a mistake.
  node_closed_exception: BUSY,
  node_disconnected_exception: BUSY,
  node_not_connected_exception: BUSY,
  connect_transport_exception: BUSY,
  receive_timeout_transport_exception: BUSY,
  circuit_breaking_exception: BUSY,
  es_rejected_execution_exception: BUSY,
  index_closed_exception: { code: 'index_closed', errorClass: 'terminal' },
  index_not_found_exception: { code: 'missing_index', errorClass: 'terminal' },
  timeout: { code: 'timeout', errorClass: 'retryable' },
  aborted: { code: 'aborted', errorClass: 'retryable' },
  wrong_product: { code: 'wrong_flavour', errorClass: 'terminal' },
}

const BY_STATUS: Readonly<Record<number, Failure>> = {
  400: { code: 'request_refused', errorClass: 'terminal' },
  401: { code: 'access_refused', errorClass: 'paused' },
  403: { code: 'missing_rights', errorClass: 'paused' },
  404: { code: 'missing_index', errorClass: 'terminal' },
  405: { code: 'request_refused', errorClass: 'terminal' },
  408: { code: 'timeout', errorClass: 'retryable' },
  409: { code: 'version_conflict', errorClass: 'retryable' },
  413: { code: 'request_too_large', errorClass: 'terminal' },
  429: BUSY,
  502: BUSY,
  503: BUSY,
  504: { code: 'timeout', errorClass: 'retryable' },
}

const ADVICE: Readonly<Record<string, string>> = {
  access_refused: 'The cluster refused the user or the password.',
  missing_rights: 'The user lacks a right the README of this connector lists.',
  blocked: 'An index has a read or write block.',
  index_closed: 'An index of the data map is closed: open it.',
  missing_index: 'An index of the data map does not exist.',
  wrong_flavour: 'The server is not what flavour: of the data map says.',
  partial_shards: 'Not every shard answered: the cluster has lost some, or is overloaded.',
}

/** What an HTTP status and the store's own name for the error mean here. */
export function meaningOf(status: number | null, kind: string): Failure {
  // Of an index that somebody has blocked, or of a whole cluster: without a master, or with a full disk.
  if (kind === 'cluster_block_exception')
    return status === 403 ? { code: 'blocked', errorClass: 'retryable' } : BUSY
  if (Object.hasOwn(BY_KIND, kind)) return BY_KIND[kind] as Failure
  if (status === null) return { code: 'connection_lost', errorClass: 'retryable' }
  return BY_STATUS[status] ?? { code: 'store_error', errorClass: 'retryable' }
}

/** What an outage answers with. It passes by itself, so work waits for it and spends no attempt. */
const AWAY: ReadonlySet<string> = new Set(['connection_lost', 'store_busy', 'timeout', 'partial_shards'])
export const isAway = ({ code }: Failure): boolean => AWAY.has(code)

export const storeAway = ({ code }: Failure): StoreAwayError =>
  new StoreAwayError(code, `Elasticsearch takes no work now (${code}).${adviceFor(code)}`)

export function failureOf(error: unknown): Failure {
  if (isOurs(error)) return { code: error.code, errorClass: error.errorClass }
  if (error instanceof StoreError) return meaningOf(error.status, error.kind)
  return { code: 'internal', errorClass: 'retryable' }
}

/** The error to throw across the connector's boundary. Only codes, statuses and code positions cross. */
export function crossing(error: unknown, doing: string): Error {
  if (isOurs(error)) return error
  const { code, errorClass } = failureOf(error)
  const message = `Elasticsearch could not ${doing} (${code}).${adviceFor(code)}`
  const cause = error instanceof StoreError ? new Error(error.message) : withoutText(error)
  if (isAway({ code, errorClass })) return new StoreAwayError(code, message, { cause })
  if (errorClass === 'terminal') return new TerminalError(code, message, { cause })
  if (errorClass === 'paused') return new PausedError(code, message, { cause })
  return new RetryableError(code, message, { cause })
}

const adviceFor = (code: string) => (ADVICE[code] ? ` ${ADVICE[code]}` : '')

/** A mistake in this connector: its frames say where; its text could quote what was handled, on lines like frames. */
function withoutText(error: unknown): Error {
  const name = error instanceof Error ? error.name : typeof error
  const { stack = '', message } = error instanceof Error ? error : new Error()
  const at = stack.indexOf(message)
  const frames = at < 0 ? '' : stack.slice(at + message.length)
  const cause = new Error(name)
  cause.stack = [name, ...frames.split('\n').filter((line) => /^\s+at /.test(line))].join('\n')
  return cause
}

export function isOurs(error: unknown): error is RetryableError | TerminalError | PausedError {
  return error instanceof RetryableError || error instanceof TerminalError || error instanceof PausedError
}

/** Not every shard answered, so nothing that was counted or found is the whole. */
export const partialShards = () =>
  new StoreAwayError('partial_shards', `Elasticsearch did not look everywhere. ${ADVICE.partial_shards}`)

/** Runs `work` and lets nothing of the store's texts out. */
export async function guarded<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw crossing(error, doing)
  }
}
