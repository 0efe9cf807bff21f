import 'reflect-metadata'
import type { DynamicModule } from '@nestjs/common'
import { type INestApplicationContext, StandardSchemaValidationPipe, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { CustomTransportStrategy } from '@nestjs/microservices'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { tracingConfig } from './config.js'
import { Health, type ReadinessCheck } from './health.js'
import { createLogger, type Logger, nestLogger } from './logger.js'
import { metricsRegistry, startProcessMetrics } from './metrics.js'
import { LetheExceptionFilter, type MethodsOf, problemOf, type Reply, sendProblem } from './problem.js'
import { addHttpSpans } from './tracing/http-spans.js'
import { startTracing } from './tracing/start-tracing.js'

type FromApp<T> = T | ((app: INestApplicationContext) => T)

export interface ServiceOptions {
  readonly name: string
  readonly module: Type | DynamicModule
  /** 0 takes a free port. */
  readonly port: number
  readonly host?: string
  /** Message transports; a function gets the application, to take a strategy from a provider. */
  readonly microservice?: FromApp<CustomTransportStrategy | readonly CustomTransportStrategy[]>
  readonly readiness?: FromApp<readonly ReadinessCheck[]>
  /** Not ready until somebody calls `health.started`: what the service waits for starts after it. */
  readonly startedLater?: boolean
  readonly logger?: Logger
  /** Largest accepted HTTP body in bytes. */
  readonly bodyLimit?: number
  /** Lets a wrong method be answered with 405 and those that the path takes. */
  readonly methodsOf?: MethodsOf
  /** Last adjustments before the application starts: an OpenAPI route, Fastify hooks. */
  configure?(app: NestFastifyApplication): void | Promise<void>
}

export interface RunningService {
  readonly app: NestFastifyApplication
  readonly url: string
  readonly health: Health
  /** Stops taking work, lets work in flight end, closes the application. Harmless when repeated. */
  stop(): Promise<void>
}

/**
 * Starts a Nest application with HTTP (`/healthz`, `/readyz`, `/metrics` and the module's controllers) and
 * its message transports. It does not touch the process; `runService` does.
 * On stop Nest ends in this order: `onModuleDestroy`, `beforeApplicationShutdown`, HTTP and transports
 * drained and closed, `onApplicationShutdown`. Pools and producers that handlers use close in the last one.
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const logger = options.logger ?? createLogger(options.name)
  const health = new Health(logger)
  startProcessMetrics(options.name)
  const tracing = await startTracing(options.name, tracingConfig(), logger)
  const app = await NestFactory.create<NestFastifyApplication>(
    options.module,
    new FastifyAdapter({
      bodyLimit: options.bodyLimit ?? 1_048_576,
      forceCloseConnections: 'idle',
      // Fastify's own answer to a malformed address repeats the address.
      frameworkErrors: (error: Error, _request: unknown, reply: unknown) =>
        sendProblem(reply as Reply, problemOf(error)),
    }),
    { logger: nestLogger(logger), abortOnError: false, forceCloseConnections: true },
  )
  app.useGlobalFilters(new LetheExceptionFilter(logger, options.methodsOf))
  app.useGlobalPipes(new StandardSchemaValidationPipe())
  addOperatorRoutes(app, health)
  // After the operator's routes, which nobody traces.
  if (tracing) addHttpSpans(app)
  await options.configure?.(app)
  const strategies = listOf(resolved(options.microservice, app))
  for (const strategy of strategies) app.connectMicroservice({ strategy }, { inheritAppConfig: true })
  try {
    await app.listen(options.port, options.host ?? '127.0.0.1')
    await app.startAllMicroservices()
  } catch (error) {
    // A half-started service must not hold its port or its pools.
    await app.close().catch((closing: unknown) => logger.warn({ err: closing }, 'closing failed'))
    await tracing?.stop()
    throw error
  }
  const checks = [...(resolved(options.readiness, app) ?? []), ...strategies.flatMap(readinessOf)]
  if (!options.startedLater) health.started(checks)
  const url = (await app.getUrl()).replace('[::1]', '127.0.0.1')
  logger.info({ url }, 'started')
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    health.stopping()
    stopped ??= app.close().finally(() => tracing?.stop())
    return stopped
  }
  return { app, url, health, stop }
}

function resolved<T>(value: FromApp<T> | undefined, app: INestApplicationContext): T | undefined {
  return typeof value === 'function' ? (value as (app: INestApplicationContext) => T)(app) : value
}

/** A transport may say itself whether it consumes: it is asked together with the service's own checks. */
function readinessOf(strategy: CustomTransportStrategy): readonly ReadinessCheck[] {
  const { readiness } = strategy as { readonly readiness?: ReadinessCheck }
  return readiness ? [readiness] : []
}

function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value as T]
}

function addOperatorRoutes(app: NestFastifyApplication, health: Health): void {
  const fastify = app.getHttpAdapter().getInstance()
  fastify.get('/healthz', async () => ({ status: 'alive' }))
  fastify.get('/readyz', async (_request, reply) => {
    const readiness = await health.readiness()
    return reply.status(readiness.ready ? 200 : 503).send(readiness)
  })
  fastify.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metricsRegistry.contentType).send(await metricsRegistry.metrics()),
  )
}
