import type { LoggerService } from '@nestjs/common'
import { type DestinationStream, type LoggerOptions, type Logger as PinoLogger, pino } from 'pino'
import { logLevel } from './config.js'
import { LetheError } from './errors.js'

export type Logger = PinoLogger

/** Fields that may hold an identifier or a secret wherever they appear, down to the fourth level. */
const hidden = [
  'authorization',
  'body',
  'email',
  'grant',
  'identifiers',
  'jwe',
  'mac',
  'macKey',
  'password',
  'phone',
  'secret',
  'selectors',
  'subject',
  'subjects',
  'token',
  'value',
]
const redact = hidden.flatMap((field) => [field, `*.${field}`, `*.*.${field}`, `*.*.*.${field}`])

/**
 * A JSON logger for one service. Errors appear as type, code and stack frames: the message of a store's
 * error can quote the row it failed on, so no error's text is ever written.
 */
export function createLogger(
  name: string,
  options: { readonly level?: string; readonly destination?: DestinationStream } = {},
): Logger {
  const settings: LoggerOptions = {
    level: options.level ?? logLevel(),
    base: { service: name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: redact, censor: '[hidden]' },
    serializers: { err: describeError, error: describeError },
    hooks: {
      logMethod(args, method) {
        // Pino copies an error's message into `msg` when no other is given; that is store text.
        const [first, second] = args as unknown[]
        const error = first instanceof Error ? first : errorIn(first)
        const fields = first instanceof Error ? { err: first } : first
        if (error && typeof second !== 'string') method.apply(this, [fields, codeOf(error)] as never)
        else method.apply(this, [fields, ...args.slice(1)] as never)
      },
    },
  }
  return options.destination ? pino(settings, options.destination) : pino(settings)
}

function errorIn(fields: unknown): Error | undefined {
  const err = typeof fields === 'object' && fields !== null && 'err' in fields ? fields.err : undefined
  return err instanceof Error ? err : undefined
}

export interface ErrorDescription {
  readonly type: string
  readonly code?: string
  readonly errorClass?: string
  readonly at?: readonly string[]
  readonly cause?: ErrorDescription
}

/** What may be told of any error: never its message, never a driver's `detail` or `where`. */
export function describeError(error: unknown, depth = 3): ErrorDescription {
  if (!(error instanceof Error)) return { type: typeof error }
  const code = stableCode(error)
  return {
    type: error.constructor.name,
    ...(code === undefined ? {} : { code }),
    ...(error instanceof LetheError ? { errorClass: error.errorClass } : {}),
    at: framesOf(error),
    ...(error.cause instanceof Error && depth > 0 ? { cause: describeError(error.cause, depth - 1) } : {}),
  }
}

const codeOf = (error: Error): string => stableCode(error) ?? error.constructor.name

function stableCode(error: Error): string | undefined {
  const code = 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(code) ? code : undefined
}

// A multi-line message stands above the frames and may itself hold lines that look like anything, so only
// what follows the message is read.
function framesOf(error: Error): string[] {
  const stack = error.stack ?? ''
  const text = stack.indexOf(error.message)
  const frames = text < 0 ? stack : stack.slice(text + error.message.length)
  return frames
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 6)
}

/** Nest's own messages through the same logger, so that the redaction holds for them too. */
export function nestLogger(logger: Logger): LoggerService {
  const write =
    (level: 'info' | 'warn' | 'error' | 'debug' | 'trace' | 'fatal') =>
    (message: unknown, ...rest: unknown[]): void => {
      const context = rest.findLast((part) => typeof part === 'string')
      if (message instanceof Error) logger[level]({ context, err: message })
      else logger[level]({ context }, typeof message === 'string' ? message : 'nest')
    }
  return {
    log: write('debug'),
    warn: write('warn'),
    error: write('error'),
    debug: write('trace'),
    verbose: write('trace'),
    fatal: write('fatal'),
  }
}
