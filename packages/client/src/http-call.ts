/** RFC 9457 answer of the service, as an error. `code` is one of the pages in docs/problems. */
export class ProblemError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
    readonly retryAfterSeconds: number | null,
    readonly extensions: Readonly<Record<string, unknown>>,
  ) {
    super(message)
    this.name = 'ProblemError'
  }
}

/** The service did not answer: nothing is known of what it did. Sending again with the same key is safe. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
}

export interface ClientOptions {
  /** Base URL of the request service, e.g. `http://127.0.0.1:29001`. */
  readonly url: string
  /** Bearer token of a service credential. */
  readonly token: string
  /** Milliseconds until a call counts as unreachable; 10,000 when absent. */
  readonly timeoutMs?: number
}

export interface CallOptions extends ClientOptions {
  /** Ends a call under way: it rejects with the signal's reason. What the service did of it is unknown. */
  readonly signal?: AbortSignal | undefined
}

/**
 * An id as one part of a path. @throws RangeError for what would lead somewhere else: nothing, `.` and `..`, which an
 * address leaves out even when they are encoded, and halves of characters
 */
export function pathPart(id: string): string {
  if (id === '' || id === '.' || id === '..' || /\p{Surrogate}/u.test(id))
    throw new RangeError('This can not be an id: it is empty, dots, or no text. Nothing was sent.')
  return encodeURIComponent(id)
}

/**
 * One call and its JSON answer. Throws `ProblemError` or `UnreachableError`; neither repeats an answer that is not
 * the service's own, such as a proxy's page.
 */
export async function callJson<T>(
  options: CallOptions,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<T> {
  const { response, text } = await send(options, method, path, body, headers)
  if (!response.ok) throw problemOf(response, text)
  return answerOf(options.url, text) as T
}

function answerOf(url: string, text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes what it read.
    throw new UnreachableError(`${url} answered with something that is no JSON: is it the request service?`)
  }
}

/** Its answer, read to the end: a service that dies while it answers did not. */
async function send(
  { url, token, timeoutMs = 10_000, signal }: CallOptions,
  method: string,
  path: string,
  body: object | undefined,
  headers: Record<string, string>,
): Promise<{ readonly response: Response; readonly text: string }> {
  const timeout = AbortSignal.timeout(timeoutMs)
  try {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    })
    return { response, text: await response.text() }
  } catch (cause) {
    signal?.throwIfAborted()
    throw new UnreachableError(`${url} did not answer: is the service running?`, { cause })
  }
}

function problemOf(response: Response, text: string): ProblemError {
  const { type, title, detail, code, ...extensions } = membersOf(text)
  const page = typeof type === 'string' ? type : 'unknown'
  const named = typeof code === 'string' ? code : page.replace(/^.*\/|\.md$/g, '')
  const message = [title, detail].filter((part) => typeof part === 'string' && part !== '').join(': ')
  return new ProblemError(
    named,
    response.status,
    message || `the service answered ${response.status}`,
    secondsOf(response.headers.get('retry-after')),
    extensions,
  )
}

/** A proxy may answer with something that is no problem document; the status then has to say it. */
function membersOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  } catch {
    return {}
  }
}

/** Null where there is none, and for the date that a proxy may write instead. */
const secondsOf = (text: string | null): number | null =>
  text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null
