import { ConfigError } from './config.js'
import { createLogger, type Logger } from './logger.js'
import { type RunningService, type ServiceOptions, startService } from './run-service.js'

/** How a service process ends; a supervisor restarts it after every code but 0 and `configuration`. */
export const exitCodes = {
  stopped: 0,
  startFailed: 1,
  uncaught: 70,
  shutdownTimedOut: 75,
  configuration: 78,
} as const

const SHUTDOWN_MS = 15_000

export interface ProcessOptions extends ServiceOptions {
  /** Milliseconds between the signal and giving up on work in flight. */
  readonly shutdownMs?: number
}

/**
 * Runs a service as this process: SIGTERM and SIGINT stop it within `shutdownMs`, a second signal at once;
 * an error nobody caught ends it, because its state can no longer be trusted and every message is
 * redelivered to its successor.
 */
export async function runService(options: ProcessOptions): Promise<RunningService> {
  const logger = options.logger ?? createLogger(options.name)
  endOnUncaught(logger)
  const service = await startService({ ...options, logger }).catch((error: unknown) => {
    logger.fatal({ err: error }, 'start failed')
    process.exit(exitCodes.startFailed)
  })
  stopOnSignal(logger, () => service.stop(), options.shutdownMs)
  return service
}

/** `who` says, where it can, which of several services of the process the error came from. */
export function endOnUncaught(logger: Logger, who: () => string | undefined = () => undefined): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      const failed = who()
      const fields = { err: error, event, ...(failed === undefined ? {} : { failed }) }
      logger.fatal(fields, 'an error nobody caught ends the process')
      process.exit(exitCodes.uncaught)
    })
}

export function stopOnSignal(logger: Logger, stop: () => Promise<void>, shutdownMs = SHUTDOWN_MS): void {
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      if (stopping) process.exit(exitCodes.shutdownTimedOut)
      stopping = true
      logger.info({ signal }, 'stopping')
      setTimeout(() => {
        logger.error('work in flight did not end in time')
        process.exit(exitCodes.shutdownTimedOut)
      }, shutdownMs).unref()
      stop().then(
        () => process.exit(exitCodes.stopped),
        (error: unknown) => {
          logger.error({ err: error }, 'stopping failed')
          process.exit(exitCodes.startFailed)
        },
      )
    })
}

/**
 * The body of a `main.ts`: whatever happens before the service runs ends the process with one readable
 * message and its exit code.
 */
export async function runMain(name: string, main: () => Promise<unknown>): Promise<void> {
  try {
    await main()
  } catch (error) {
    if (error instanceof ConfigError) {
      process.stderr.write(`${name}: ${error.message}\n`)
      process.exit(exitCodes.configuration)
    }
    createLogger(name).fatal({ err: error }, 'start failed')
    process.exit(exitCodes.startFailed)
  }
}
