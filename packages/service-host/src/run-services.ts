import { AsyncLocalStorage } from 'node:async_hooks'
import { Module } from '@nestjs/common'
import { ConfigError } from './config.js'
import { LetheError } from './errors.js'
import type { ReadinessCheck } from './health.js'
import { createLogger, type Logger } from './logger.js'
import { endOnUncaught, exitCodes, stopOnSignal } from './process.js'
import { type RunningService, type ServiceOptions, startService } from './run-service.js'

/** One of several services of a process. */
export interface HostedService {
  /** The service's own name, as its logs and metrics have it. */
  readonly name: string
  /** Who is called by others has a lower one: those of the highest tier start last and stop first. */
  readonly tier: number
  /** The composition that the service's own process runs. */
  open(): ServiceOptions | Promise<ServiceOptions>
}

export interface HostOptions {
  /** Of the process. */
  readonly name: string
  /** Where the process answers for all of its services: `/healthz`, `/readyz`, `/metrics`. 0 takes a free one. */
  readonly port: number
  readonly services: readonly HostedService[]
  /** Milliseconds between the signal and giving up on work in flight, all services together. */
  readonly shutdownMs?: number
  readonly logger?: Logger
}

@Module({})
class OperatorModule {}

/** Which service a piece of work belongs to, wherever it got to. Only for saying so when an error ends the process. */
const owner = new AsyncLocalStorage<string>()

/**
 * Runs several services as this process, each with the composition, the port and the logger of its own. They
 * share its fate: one that can not start, gives up, or loses an error ends the process, which says which it was.
 * `/readyz` of the process is 503 while any of them is not ready. On a signal services stop tier by tier, so
 * that whoever is still at work is answered.
 *
 * @throws ConfigError of a service that can not be opened, its variables preceded by the service's name.
 */
export async function runServices(options: HostOptions): Promise<RunningService> {
  const { name, services, logger = createLogger(name) } = options
  const running = new Map<string, RunningService>()
  endOnUncaught(logger, () => owner.getStore())
  // First, and so the one that names the process in metrics and traces.
  const host = await startService({
    name,
    module: OperatorModule,
    port: options.port,
    logger,
    startedLater: true,
  }).catch((error: unknown) => {
    logger.fatal({ err: error }, 'start failed')
    process.exit(exitCodes.startFailed)
  })
  // Whoever is asked is there before those that ask: they would wait longer and longer for it.
  for (const tier of tiersOf(services))
    await Promise.all(tier.map((service) => open(service, running, logger)))
  host.health.started(services.flatMap(({ name: of }) => readinessOf(of, running.get(of)) ?? []))
  logger.info({ services: services.map((service) => service.name) }, 'every service started')
  stopOnSignal(logger, () => stopByTier(host, services, running, logger), options.shutdownMs)
  return host
}

async function open(
  service: HostedService,
  running: Map<string, RunningService>,
  logger: Logger,
): Promise<void> {
  try {
    const started = await owner.run(service.name, async () => startService(await service.open()))
    running.set(service.name, started)
  } catch (error) {
    if (error instanceof ConfigError) throw prefixed(service.name, error)
    logger.fatal({ err: error, failed: service.name }, 'start failed')
    process.exit(exitCodes.startFailed)
  }
}

/** The lowest first. */
function tiersOf(services: readonly HostedService[]): HostedService[][] {
  const tiers = [...new Set(services.map(({ tier }) => tier))].sort((a, b) => a - b)
  return tiers.map((current) => services.filter(({ tier }) => tier === current))
}

/** What a service lacks, told apart from what the others lack. */
export const prefixed = (name: string, error: ConfigError): ConfigError =>
  new ConfigError(error.problems.map((one) => ({ ...one, name: `${name}.${one.name}` })))

function readinessOf(name: string, service: RunningService | undefined): ReadinessCheck | undefined {
  if (!service) return undefined
  const check = async () => {
    const { ready, checks } = await service.health.readiness()
    if (ready) return
    const [failing = 'service', result = ''] = Object.entries(checks).find(([, one]) => one !== 'ok') ?? []
    throw new NotReady(`${failing}.${result}`.slice(0, 64))
  }
  return { name, check }
}

class NotReady extends LetheError {
  readonly errorClass = 'retryable'
  constructor(code: string) {
    super(code, 'A service of this process is not ready.')
  }
}

async function stopByTier(
  host: RunningService,
  services: readonly HostedService[],
  running: ReadonlyMap<string, RunningService>,
  logger: Logger,
): Promise<void> {
  host.health.stopping()
  const failures: unknown[] = []
  for (const ending of tiersOf(services).reverse()) {
    await Promise.all(
      ending.map(async ({ name }) => {
        try {
          await running.get(name)?.stop()
          logger.info({ stopped: name }, 'a service stopped')
        } catch (error) {
          // The others are stopped all the same.
          logger.error({ err: error, failed: name }, 'stopping failed')
          failures.push(error)
        }
      }),
    )
  }
  await host.stop()
  if (failures.length > 0) throw failures[0]
}
