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

/** One call and its JSON answer. Throws `ProblemError` or `UnreachableError`. */
export async function callJson<T>(
  options: ClientOptions,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<T> {
  const response = await send(options, method, path, body, headers)
  const text = await response.text()
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T
  throw problemOf(response, text)
}

async function send(
  { url, token, timeoutMs = 10_000 }: ClientOptions,
  method: string,
  path: string,
  body: object | undefined,
  headers: Record<string, string>,
): Promise<Response> {
  try {
    return await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (cause) {
    throw new UnreachableError(`${url} did not answer: is the service running?`, { cause })
  }
}

function problemOf(response: Response, text: string): ProblemError {
  const retryAfter = response.headers.get('retry-after')
  let problem: Record<string, unknown> = {}
  try {
    problem = JSON.parse(text)
  } catch {
    // A proxy may answer with something that is not JSON; the status then has to say it.
    problem = {}
  }
  const { type, title, detail, code, ...extensions } = problem
  const named = typeof code === 'string' ? code : String(type ?? 'unknown').replace(/^.*\/|\.md$/g, '')
  const message = [title, detail].filter((part) => typeof part === 'string' && part !== '').join(': ')
  return new ProblemError(
    named,
    response.status,
    message || `the service answered ${response.status}`,
    retryAfter === null ? null : Number(retryAfter),
    extensions,
  )
}
