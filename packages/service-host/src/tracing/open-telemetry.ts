import { type Context, ROOT_CONTEXT, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  type IdGenerator,
  RandomIdGenerator,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { TracingConfig } from '../config.js'
import type { Logger } from '../logger.js'
import { counter } from '../metrics.js'
import { allowedAttributes, allowedName } from './allowed.js'
import { parseTraceparent } from './trace-ids.js'
import type { OpenSpan, SpanMaker, SpanStart } from './traces.js'

/** Milliseconds one export may take, and the longest that stopping waits for the last ones. */
const EXPORT_MS = 5_000
const STOP_MS = 2_000

export interface Tracing extends SpanMaker {
  /** Sends what is left, for at most two seconds. */
  stop(): Promise<void>
}

/**
 * Spans to an OTLP endpoint over HTTP. Nothing waits for the endpoint: spans queue in memory, at most 8,192 of
 * them, and are dropped beyond that; an endpoint that is away costs a counter and one line in the log.
 */
export function openTelemetry(service: string, config: TracingConfig, logger: Logger): Tracing {
  const exporter = new WatchedExporter(
    new OTLPTraceExporter({ url: config.url, timeoutMillis: EXPORT_MS }),
    logger,
  )
  const batches = new BatchSpanProcessor({
    exporter,
    maxQueueSize: 8_192,
    scheduledDelayMillis: config.delayMs,
    exportTimeoutMillis: EXPORT_MS,
  })
  return tracingTo(service, config.ratio, batches)
}

/** The same with any processor behind the list of what spans may say; a spec shows what the list keeps back. */
export function tracingTo(
  service: string,
  ratio: number,
  processor: SpanProcessor,
  guard: (next: SpanProcessor) => SpanProcessor = (next) => new AllowListed(next),
): Tracing {
  const ids = new GivenIds()
  const provider = new TracerProvider({
    // Nothing is detected: a process's arguments or a host's name are nobody's business.
    resource: resourceFromAttributes({ 'service.name': service, 'service.namespace': 'lethe' }),
    // By trace id alone, so that every process keeps and drops the same requests.
    sampler: new TraceIdRatioBasedSampler(ratio),
    idGenerator: ids,
    spanProcessors: [guard(processor)],
  })
  const tracer = provider.getTracer('lethe')
  return {
    start: (span) => ids.with(span.as, () => opened(tracer, span)),
    stop: async () => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, STOP_MS)
      })
      // An endpoint that is away is no reason to end badly.
      await Promise.race([provider.shutdown().catch(() => undefined), late]).finally(() =>
        clearTimeout(timer),
      )
    },
  }
}

function opened(tracer: Tracer, { name, parent, links = [], startedAt, attributes }: SpanStart): OpenSpan {
  const span = tracer.startSpan(
    name,
    {
      attributes,
      links: links.flatMap((link) => contextOf(link) ?? []).map((context) => ({ context })),
      ...(startedAt === undefined ? {} : { startTime: startedAt }),
    },
    below(parent),
  )
  return {
    traceparent: traceparentOf(span),
    mark: (more) => {
      span.setAttributes({ ...more })
      if (more['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
    },
    end: (at) => span.end(at),
  }
}

function below(parent: string | null): Context {
  const context = contextOf(parent ?? undefined)
  return context ? trace.setSpanContext(ROOT_CONTEXT, context) : ROOT_CONTEXT
}

function contextOf(traceparent: string | undefined) {
  const parsed = parseTraceparent(traceparent)
  return (
    parsed && { traceId: parsed.traceId, spanId: parsed.spanId, traceFlags: parsed.flags, isRemote: true }
  )
}

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

/** Random ids, except while a span is started whose ids are known before. */
class GivenIds implements IdGenerator {
  private readonly random = new RandomIdGenerator()
  private given: { traceId: string; spanId: string } | null = null

  with<T>(traceparent: string | undefined, start: () => T): T {
    this.given = parseTraceparent(traceparent)
    try {
      return start()
    } finally {
      this.given = null
    }
  }

  generateTraceId(): string {
    return this.given?.traceId ?? this.random.generateTraceId()
  }

  generateSpanId(): string {
    return this.given?.spanId ?? this.random.generateSpanId()
  }
}

/** Hands on what is on the list: no other attribute, no event (errors' texts), no status text, no state. */
export class AllowListed implements SpanProcessor {
  constructor(private readonly next: SpanProcessor) {}

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.next.onEnd(cleaned(span))
  }

  forceFlush(): Promise<void> {
    return this.next.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.next.shutdown()
  }
}

function cleaned(span: ReadableSpan): ReadableSpan {
  const { traceId, spanId, traceFlags } = span.spanContext()
  const parent = span.parentSpanContext
  return {
    name: allowedName(span.name),
    kind: span.kind,
    spanContext: () => ({ traceId, spanId, traceFlags }),
    ...(parent
      ? {
          parentSpanContext: {
            traceId: parent.traceId,
            spanId: parent.spanId,
            traceFlags: parent.traceFlags,
            isRemote: parent.isRemote ?? false,
          },
        }
      : {}),
    startTime: span.startTime,
    endTime: span.endTime,
    duration: span.duration,
    ended: span.ended,
    status: { code: span.status.code },
    attributes: allowedAttributes(span.attributes),
    links: span.links.map(({ context }) => ({
      context: { traceId: context.traceId, spanId: context.spanId, traceFlags: context.traceFlags },
    })),
    events: [],
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  }
}

/** Counts what arrived and what did not, and says once that the endpoint is away. */
class WatchedExporter implements SpanExporter {
  private readonly exported = counter('lethe_spans_total', 'Spans by what became of them.', ['result'])
  private away = false

  constructor(
    private readonly next: SpanExporter,
    private readonly logger: Logger,
  ) {}

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.next.export(spans, (result) => {
      const failed = result.code !== 0
      this.exported.inc({ result: failed ? 'lost' : 'exported' }, spans.length)
      if (failed && !this.away)
        this.logger.warn({ err: result.error }, 'spans can not be exported and are lost')
      this.away = failed
      done(result)
    })
  }

  shutdown(): Promise<void> {
    return this.next.shutdown()
  }

  async forceFlush(): Promise<void> {
    await this.next.forceFlush?.()
  }
}
