import { PgEventStore } from '@lethe/event-store'
import { KafkaBatchStrategy, kafkaConfigFromEnvironment, MessageCodec } from '@lethe/messaging'
import { RequestLog } from '@lethe/request-log'
import type { TopicName } from '@lethe/schemas'
import { createLogger, type Logger, metricsRegistry } from '@lethe/service-host'
import {
  type DynamicModule,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common'
import { Pool } from 'pg'
import { AcknowledgementController } from './adapters/acknowledgement.controller.js'
import { PgOffsets } from './adapters/pg-offsets.js'
import { CONSUMER, FoldBatch } from './application/fold-batch.js'
import { ProcessManager } from './application/process-manager.js'
import type { AggregatorConfig } from './config.js'

/** Starts and ends what Nest does not know of. */
@Injectable()
class Lifecycle implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(ProcessManager) private readonly manager: ProcessManager,
    @Inject(Pool) private readonly pool: Pool,
  ) {}

  onApplicationBootstrap(): void {
    this.manager.start()
  }

  async onModuleDestroy(): Promise<void> {
    await this.manager.stop()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
  }
}

/** Wires the aggregator; nothing connects before the module is created. */
@Module({})
export class AggregatorModule {
  static async with(
    config: AggregatorConfig,
    logger: Logger = createLogger('aggregator'),
  ): Promise<DynamicModule> {
    const pool = new Pool({ connectionString: config.pgUrl, max: 8, application_name: 'lethe-aggregator' })
    // A broken idle connection is replaced on the next use; without a listener it would end the process.
    pool.on('error', (error) => logger.warn({ err: error }, 'an idle connection broke'))
    const codec = await MessageCodec.connect(config.registryUrl, { register: true })
    const log = new RequestLog({
      pool,
      eventStore: new PgEventStore(pool),
      encode: (topic, type, value) => codec.encode(topic as TopicName, type, value),
      topicPrefix: config.topicPrefix,
    })
    const offsets = new PgOffsets(pool)
    const strategy = new KafkaBatchStrategy({
      kafka: kafkaConfigFromEnvironment('aggregator'),
      group: CONSUMER,
      codec,
      logger,
      registry: metricsRegistry,
      subscriptions: [{ topic: 'erasure.acknowledged', mode: 'batch', maxBatch: 1_000, offsets }],
    })
    return {
      module: AggregatorModule,
      controllers: [AcknowledgementController],
      providers: [
        { provide: Pool, useValue: pool },
        { provide: KafkaBatchStrategy, useValue: strategy },
        { provide: FoldBatch, useValue: new FoldBatch(log, offsets, config.grantSecret) },
        {
          provide: ProcessManager,
          useValue: new ProcessManager({ pool, log, logger, tickMs: config.tickMs }),
        },
        Lifecycle,
      ],
    }
  }
}
