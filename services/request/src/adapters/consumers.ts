import { type Incoming, KafkaBatchStrategy, type KafkaConfig, type MessageCodec } from '@lethe/messaging'
import type { OutboxReconciler } from '@lethe/request-log'
import type { TopicName } from '@lethe/schemas'
import { type Logger, metricsRegistry, pastSpan } from '@lethe/service-host'
import { pausedWhileAway } from './while-away.js'

export interface ConsumerOptions {
  readonly kafka: KafkaConfig
  readonly codec: MessageCodec
  readonly logger: Logger
}

/** Topics this service's outbox feeds. */
const published: readonly TopicName[] = [
  'erasure.requested',
  'erasure.probe.requested',
  'erasure.status',
  'erasure.tombstones',
]

/** The consumers of this service: intake, and the outbox's confirmation. */
export function consumers(reconciler: OutboxReconciler, options: ConsumerOptions): KafkaBatchStrategy[] {
  const { kafka, codec, logger } = options
  const intake = new KafkaBatchStrategy({
    kafka,
    codec,
    logger,
    registry: metricsRegistry,
    group: 'request.intake',
    subscriptions: [{ topic: 'erasure.intake', mode: 'batch', maxBatch: 200 }],
  })
  const confirmation = new KafkaBatchStrategy({
    kafka,
    codec,
    logger,
    registry: metricsRegistry,
    group: 'request.outbox',
    subscriptions: published.map((topic) => ({ topic, mode: 'batch' })),
    // Nobody waits for a confirmation: one DELETE for what half a second brought, instead of one per message.
    tuning: { minBytes: 262_144, maxWaitMs: 500 },
  })
  for (const topic of published) {
    confirmation.handle(topic, async (batch) => {
      const ids = batch.flatMap(({ headers }) => headers.ce_id ?? [])
      await pausedWhileAway(() => reconciler.confirm(ids))
      for (const message of batch) publishedSpan(message)
    })
  }
  return [intake, confirmation]
}

/** From the row's writing to the broker's stamp: as much as can be seen of the way through Debezium. */
function publishedSpan({ topic, headers, value, timestamp }: Incoming): void {
  const requestId = (value as { readonly requestId?: unknown } | null)?.requestId
  const startedAt = Number(headers.ce_time)
  if (typeof requestId !== 'string' || !Number.isSafeInteger(startedAt)) return
  pastSpan(
    'outbox.publish',
    { requestId, traceparent: headers.traceparent },
    { startedAt, endedAt: timestamp, attributes: { 'messaging.destination.name': topic } },
  )
}
