import { type TopicName, topics } from '@lethe/schemas'
import { batchSpan, PausedError, type ReadinessCheck, type Traced } from '@lethe/service-host'
import { type CustomTransportStrategy, Server } from '@nestjs/microservices'
import { isObservable, lastValueFrom } from 'rxjs'
import { BATCH_HANDLER } from './batch-pattern.js'
import { ConsumerSession } from './consumer-session.js'
import type { BatchHandler, HandlerResult, Incoming } from './incoming.js'
import { lagMetrics } from './lag-metrics.js'
import { messagingMetrics } from './metrics.js'
import { MessageProducer } from './producer.js'
import type { StrategyOptions } from './strategy-options.js'
import { Supervisor } from './supervisor.js'
import { createDeadLetterTopics } from './topic-administration.js'
import { backoffOf, boundsOf } from './tuning.js'

/** A consumer that fetched nothing and finished nothing for this long, in milliseconds, is not ready. */
const QUIET_MS = 30_000

/**
 * Consumes Kafka in batches for Nest: `connectMicroservice({ strategy: new KafkaBatchStrategy(…) })`,
 * with `@BatchPattern(topic)` on the controllers' methods. At least once: an offset moves only after
 * its record was handled, skipped by its headers, or put into `<topic>.<group>.dlq`.
 */
export class KafkaBatchStrategy extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true
  private readonly supervisor: Supervisor
  private readonly deadLetters: MessageProducer
  private lag: { close(): Promise<void> } | null = null
  /** Asked by `/readyz` of every service that consumes with this. */
  readonly readiness: ReadinessCheck

  constructor(private readonly options: StrategyOptions) {
    super()
    this.readiness = { name: `consumer.${options.group}`, check: () => this.check() }
    const { group, kafka, logger, onFatal = () => process.exit(70) } = options
    for (const { topic, offsets, mode } of options.subscriptions)
      if (offsets && mode !== 'batch')
        throw new TypeError(`${topic}: outside offsets need mode 'batch', where records are in order`)
    const bounds = boundsOf(options.tuning)
    const metrics = messagingMetrics(options.registry, kafka.clientId)
    this.deadLetters = new MessageProducer({ kafka, ...(logger ? { logger } : {}) })
    this.supervisor = new Supervisor({
      create: (supervisor) =>
        new ConsumerSession(
          { options, bounds, metrics, deadLetters: this.deadLetters, handlers: this.handlers() },
          supervisor,
        ),
      stallMs: bounds.stallMs,
      maxRestarts: bounds.maxRestarts,
      shutdownMs: bounds.shutdownMs,
      backoff: backoffOf(bounds.pauseBackoffMs),
      onFatal,
      onRestart: () => metrics.restarted(group),
      logger,
    })
  }

  /** Registers a handler without a Nest controller. */
  handle<T>(topic: TopicName, handler: BatchHandler<T>): this {
    const callback = async (batch: Parameters<typeof handler>[0], context: Parameters<typeof handler>[1]) =>
      handler(batch, context)
    this.addHandler(topic, callback as never, true, { [BATCH_HANDLER]: true })
    return this
  }

  /** Calls back when the consumer has joined its group. */
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      this.handlers()
      const { registry, kafka, group } = this.options
      // Before Kafka is asked for anything: a group that can not join must show its lag too.
      if (registry) this.lag ??= lagMetrics(registry, kafka, { [group]: this.subscribed() })
      await createDeadLetterTopics(
        this.options.kafka,
        this.options.group,
        this.subscribed(),
        this.options.logger,
      )
      await this.supervisor.start()
      callback()
    } catch (error) {
      callback(error)
    }
  }

  /** Finishes the running chunk of each partition, commits, leaves the group and disconnects. */
  override async close(): Promise<void> {
    await this.supervisor.close()
    await this.deadLetters.disconnect()
    await this.lag?.close()
    this.lag = null
  }

  /**
   * For `/readyz`: resolves while this consumer is a member of its group and fetches. Rejects with
   * PausedError `consumer_not_running` before it joined, while it is being replaced, and after 30 s
   * without a sign of life, as when Kafka is away or refuses the credentials.
   */
  async check(): Promise<void> {
    if (this.supervisor.alive(QUIET_MS)) return
    throw new PausedError('consumer_not_running', `the consumer of group ${this.options.group} does not run`)
  }

  override on(): never {
    throw new TypeError('KafkaBatchStrategy emits no events')
  }

  override unwrap<T>(): T {
    throw new TypeError('KafkaBatchStrategy shows no client')
  }

  private subscribed(): TopicName[] {
    return this.options.subscriptions.map(({ topic }) => topic)
  }

  /**
   * The handler of every subscription. Throws TypeError when one is missing or not made for batches.
   * Nest hands every handler of the application to every transport, so one without a subscription
   * here may belong to another group; only a pattern that is no topic at all is an error.
   */
  private handlers(): Map<TopicName, BatchHandler> {
    for (const pattern of this.messageHandlers.keys())
      if (!Object.hasOwn(topics, pattern))
        throw new TypeError(`there is a handler for ${pattern}, which is no topic`)
    return new Map(this.subscribed().map((topic) => [topic, this.handlerOf(topic)]))
  }

  private handlerOf(topic: TopicName): BatchHandler {
    const handler = this.messageHandlers.get(topic)
    if (!handler) throw new TypeError(`${topic} has a subscription, but no handler`)
    if (!handler.extras?.[BATCH_HANDLER])
      throw new TypeError(
        `the handler of ${topic} has @EventPattern; use @BatchPattern, which keeps its errors`,
      )
    const run: BatchHandler = async (batch, context) => {
      const result: unknown = await handler(batch, context)
      return (
        isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result
      ) as HandlerResult
    }
    const { group } = this.options
    return (batch, context) =>
      batchSpan(
        {
          'messaging.destination.name': topic,
          'messaging.consumer.group.name': group,
          'messaging.batch.message_count': batch.length,
        },
        () => batch.flatMap((item) => tracedOf(item) ?? []),
        () => run(batch, context),
      )
  }
}

/** The request a message is about; null for a type that names none. */
function tracedOf({ value, headers }: Incoming): Traced | null {
  const requestId =
    typeof value === 'object' && value !== null && 'requestId' in value ? value.requestId : null
  return typeof requestId === 'string' ? { requestId, traceparent: headers.traceparent } : null
}
