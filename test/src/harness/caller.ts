import { randomUUID } from 'node:crypto'
import { request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  /** Parsed JSON; null when it is none. */
  readonly body: Record<string, unknown> | null
}

export interface CallOptions {
  readonly token?: string | null
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as it is. */
  readonly raw?: string | Buffer
  /** Says that so many bytes follow, and sends none: a server that refuses the size answers all the same. */
  readonly announced?: number
}

/**
 * HTTP without a client's good manners: any path, any header, any bytes. Keeps every answer it ever got, so
 * that a test can look through all of them.
 */
export class Caller {
  readonly answers: { readonly asked: string; readonly answer: Answer }[] = []

  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { token = this.token, headers = {}, body } = options
    const raw = options.raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const answer = await send(method, this.base, path, raw, {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(raw === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.announced === undefined ? {} : announcing(options.announced)),
      ...headers,
    })
    this.answers.push({ asked: `${method} ${path.slice(0, 80)}`, answer })
    return answer
  }

  /** Asks for an erasure, with a new idempotency key unless one is given. */
  create(body: unknown, key: string = randomUUID()): Promise<Answer> {
    return this.call('POST', '/v1/erasure-requests', { body, headers: { 'idempotency-key': key } })
  }

  command(requestId: unknown, verb: string, body: unknown = {}): Promise<Answer> {
    return this.call('POST', `/v1/erasure-requests/${requestId}/${verb}`, { body })
  }
}

const announcing = (bytes: number) => ({
  'content-type': 'application/json',
  'content-length': String(bytes),
})

function send(
  method: string,
  base: string,
  path: string,
  body: string | Buffer | undefined,
  headers: Record<string, string>,
): Promise<Answer> {
  const { hostname, port } = new URL(base)
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        sent.destroy()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: json(text) })
      })
    })
    sent.on('timeout', () => sent.destroy(new Error(`${method} was not answered`)))
    sent.on('error', reject)
    if (body === undefined && headers['content-length']) sent.flushHeaders()
    else sent.end(body)
  })
}

function json(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return null
  }
}
