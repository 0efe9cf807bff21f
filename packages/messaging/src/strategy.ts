import type { TopicName } from '@lethe/schemas'
import { type CustomTransportStrategy, Server } from '@nestjs/microservices'
import { BATCH_HANDLER } from './batch-pattern.js'
import type { BatchHandler } from './incoming.js'
import type { StrategyOptions } from './strategy-options.js'

/** Consumes Kafka in batches for Nest: `connectMicroservice({ strategy: new KafkaBatchStrategy(…) })`. */
export class KafkaBatchStrategy extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true

  constructor(readonly options: StrategyOptions) {
    super()
  }

  /** Registers a handler without a Nest controller. */
  handle(topic: TopicName, handler: BatchHandler): void {
    this.addHandler(topic, async (batch, context) => handler(batch, context), true, { [BATCH_HANDLER]: true })
  }

  override on(): never {
    throw new TypeError('KafkaBatchStrategy emits no events')
  }

  override unwrap<T>(): T {
    throw new TypeError('KafkaBatchStrategy shows no client')
  }

  /** Calls back when the consumer runs. */
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    callback()
  }

  /** Finishes the running batches, commits and disconnects. */
  override async close(): Promise<void> {}
}
