import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common'
import { throwError } from 'rxjs'
import { LetheError, PausedError, RetryableError } from './errors.js'
import type { Logger } from './logger.js'

/** HTTP status and title per problem code; `docs/problems/<code>` says what to do about each. */
export const problems = {
  unknown_tenant: [404, 'The tenant is not known.'],
  invalid_identifier: [422, 'An identifier is not valid for its type.'],
  ambiguous_subject: [409, 'The identifiers do not lead to exactly one person.'],
  duplicate_request: [409, 'The same person already has an open request.'],
  illegal_transition: [409, 'The request does not allow this as it stands.'],
  over_ceiling: [409, 'More records would be touched than the ceiling allows.'],
  second_approval_needed: [403, 'A second person must approve this.'],
  on_hold: [409, 'The request is on hold.'],
  grant_invalid: [403, 'The grant is not valid for this pass.'],
  map_invalid: [422, 'The data map is not valid.'],
  map_mismatch: [409, 'The data map does not match the live system.'],
  queue_full: [429, 'Too much work is waiting; try again later.'],
  gate_closed: [409, 'The system is being restored and its gate is shut.'],
  not_found: [404, 'There is no such thing.'],
  forbidden: [403, 'Your credential does not allow this.'],
  unauthenticated: [401, 'A valid credential is needed.'],
  too_many_attempts: [429, 'That was tried too often; wait before the next attempt.'],
  schema_unknown: [422, 'The message schema is not registered.'],
  invalid_request: [400, 'The request is not well formed.'],
  unavailable: [503, 'Something this service depends on is not available; try again later.'],
  internal: [500, 'Something went wrong on our side.'],
} as const satisfies Record<string, readonly [number, string]>

export type ProblemCode = keyof typeof problems

/** RFC 9457 body, sent as `application/problem+json`. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail?: string
  readonly [extension: string]: unknown
}

/** An answer to the caller. `detail` is theirs to read and never holds an identifier. */
export class ProblemError extends Error {
  constructor(
    readonly code: ProblemCode,
    readonly status: number = problems[code][0],
    readonly detail?: string,
    readonly extensions: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail ?? problems[code][1])
    this.name = 'ProblemError'
  }

  toProblem(): Problem {
    return {
      ...this.extensions,
      type: `urn:lethe:problem:${this.code}`,
      title: problems[this.code][1],
      status: this.status,
      code: this.code,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    }
  }
}

/** A problem with its usual status. */
export const problem = (
  code: ProblemCode,
  detail?: string,
  extensions?: Record<string, unknown>,
): ProblemError => new ProblemError(code, problems[code][0], detail, extensions)

const byStatus: Readonly<Record<number, ProblemCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  503: 'unavailable',
}

/** What to do about Fastify's own refusals; their own texts may quote what was sent. */
const adviceByStatus: Readonly<Record<number, string>> = {
  400: 'The body is not valid JSON, or the address is not well encoded. Correct it and send it again.',
  413: 'The body is larger than this service takes. Send it in smaller parts.',
  414: 'A part of the address is too long.',
  415: 'Send the body as application/json.',
}

/** Any error as the problem its caller may see; what is not ours to explain becomes `internal`. */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  if (error instanceof HttpException) {
    const status = error.getStatus()
    if (status >= 500 && status !== 503) return problem('internal')
    const fields = validationOf(error)
    const detail = 'errors' in fields ? undefined : adviceByStatus[status]
    return new ProblemError(byStatus[status] ?? 'invalid_request', status, detail, fields)
  }
  const status = clientStatus(error)
  if (status !== undefined) return new ProblemError('invalid_request', status, adviceByStatus[status])
  if (error instanceof RetryableError || error instanceof PausedError)
    return new ProblemError('unavailable', 503, undefined, { cause: error.code })
  return problem('internal')
}

// The messages of the schema pipe name fields and expectations, not the values that were sent.
function validationOf(error: HttpException): Record<string, unknown> {
  const response = error.getResponse()
  const messages = typeof response === 'object' && 'message' in response ? response.message : undefined
  return Array.isArray(messages) ? { errors: messages } : {}
}

// Fastify's own refusals (body too large, malformed JSON, wrong media type) are plain errors with a status.
function clientStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || error instanceof LetheError || !('statusCode' in error)) return undefined
  const { statusCode } = error
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? statusCode : undefined
}

/** What an answer needs of Fastify's reply. */
export interface Reply {
  status(code: number): Reply
  header(name: string, value: string): Reply
  send(body: unknown): unknown
}

interface Asked {
  readonly method: string
  readonly url: string
}

/** The methods a path takes; none when it is not known. */
export type MethodsOf = (path: string) => readonly string[]

/**
 * HTTP errors leave as problem+json. Errors of message handlers pass through unchanged: Nest would replace
 * them by "Internal server error", and the transport decides by their class whether to retry, pause or skip.
 */
@Catch()
export class LetheExceptionFilter implements ExceptionFilter {
  constructor(
    private readonly logger: Logger,
    private readonly methodsOf: MethodsOf = () => [],
  ) {}

  catch(error: unknown, host: ArgumentsHost): unknown {
    if (host.getType() !== 'http') return throwError(() => error)
    const http = host.switchToHttp()
    const reply = http.getResponse<Reply>()
    const found = this.wrongMethod(problemOf(error), http.getRequest<Asked>(), reply)
    if (found.status >= 500) this.logger.error({ err: error, problem: found.code }, 'request failed')
    sendProblem(reply, found)
    return undefined
  }

  /** "Not found", or a body that nobody asked for, is a wrong method where the path is known with others. */
  private wrongMethod(found: ProblemError, { method, url }: Asked, reply: Reply): ProblemError {
    if (![400, 404, 413, 415].includes(found.status)) return found
    const methods = this.methodsOf(url.split('?', 1)[0] ?? '')
    if (methods.length === 0 || methods.includes(method)) return found
    reply.header('allow', methods.join(', '))
    return new ProblemError('invalid_request', 405, `Use ${methods.join(' or ')} here.`)
  }
}

/** Answers with a problem, as the exception filter does, where no filter is reached. */
export function sendProblem(reply: Reply, found: ProblemError): void {
  if (found.status === 401) reply.header('www-authenticate', 'Bearer')
  const { retryAfter } = found.extensions
  if (typeof retryAfter === 'number') reply.header('retry-after', String(retryAfter))
  reply
    .status(found.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(found.toProblem()))
}
