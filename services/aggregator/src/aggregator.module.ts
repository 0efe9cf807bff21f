import { PgEventStore } from '@lethe/event-store'
import { KafkaBatchStrategy, MessageCodec } from '@lethe/messaging'
import { joinCounts, RequestLog, SelfWatch, watchSelf } from '@lethe/request-log'
import type { TopicName } from '@lethe/schemas'
import {
  createLogger,
  type Logger,
  metricsRegistry,
  Repeating,
  spansAround,
  tellsOfSelf,
  traceparentFor,
} from '@lethe/service-host'
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
import { HttpConnect } from './adapters/connect.js'
import { PgOffsets } from './adapters/pg-offsets.js'
import { ConnectorWatch } from './application/connector-watch.js'
import { DeadLetters } from './application/dead-letters.js'
import { CONSUMER, FoldBatch } from './application/fold-batch.js'
import { InboxPruning } from './application/inbox-pruning.js'
import { ProcessManager } from './application/process-manager.js'
import type { AggregatorConfig } from './config.js'

/** Partitions folded at the same time, each on a connection of its own; as many as the topic has. */
const PARTITIONS = 6
/** A process that lives shorter than a day prunes too. */
const FIRST_PRUNING_MS = 60_000

/** Between two joinings the counts of requests get a few rows with every transaction. */
const JOIN_COUNTS_MS = 10_000

const LOOPS = Symbol('loops')

/** Starts and ends what Nest does not know of. */
@Injectable()
class Lifecycle implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(ProcessManager) private readonly manager: ProcessManager,
    @Inject(LOOPS) private readonly loops: readonly Repeating[],
    @Inject(Pool) private readonly pool: Pool,
    @Inject(SelfWatch) private readonly watch: SelfWatch,
  ) {}

  onApplicationBootstrap(): void {
    this.manager.start()
    for (const loop of this.loops) loop.start()
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.manager.stop(), ...this.loops.map((loop) => loop.stop())])
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.pool.end(), this.watch.close()])
  }
}

/** Wires the aggregator; nothing connects before the module is created. */
@Module({})
export class AggregatorModule {
  static async with(
    config: AggregatorConfig,
    logger: Logger = createLogger('aggregator'),
  ): Promise<DynamicModule> {
    const pool = new Pool({
      connectionString: config.pgUrl,
      max: 8,
      application_name: 'lethe-aggregator',
      pipeline: true,
    })
    // A broken idle connection is replaced on the next use; without a listener it would end the process.
    pool.on('error', (error) => logger.warn({ err: error }, 'an idle connection broke'))
    const codec = await MessageCodec.connect(config.registryUrl, { register: true })
    const log = new RequestLog({
      pool,
      eventStore: new PgEventStore(pool),
      encode: (topic, type, value) => codec.encode(topic as TopicName, type, value),
      topicPrefix: config.topicPrefix,
      traceparent: traceparentFor,
      around: (ids, work) =>
        spansAround(
          'request.transact',
          () => ids.map((requestId) => ({ requestId })),
          () => work(),
        ),
    })
    const tell = tellsOfSelf('aggregator', logger)
    const watch = watchSelf({ pgUrl: config.pgUrl, place: config.head, pool, log, tell, logger })
    const blocked = () => watch.blocked()
    const offsets = new PgOffsets(pool)
    const deadLetters = new DeadLetters(log, config.grantSecret, logger)
    const pruning = new InboxPruning(pool, config.inboxKeepMs, logger)
    const strategy = new KafkaBatchStrategy({
      kafka: config.kafka,
      group: CONSUMER,
      codec,
      logger,
      registry: metricsRegistry,
      tuning: { partitionsAtOnce: PARTITIONS, ...config.tuning },
      subscriptions: [
        {
          topic: 'erasure.acknowledged',
          mode: 'batch',
          maxBatch: 1_000,
          offsets,
          onDeadLetter: (item) => deadLetters.tell(item),
        },
      ],
    })
    return {
      module: AggregatorModule,
      controllers: [AcknowledgementController],
      providers: [
        { provide: Pool, useValue: pool },
        { provide: SelfWatch, useValue: watch },
        { provide: KafkaBatchStrategy, useValue: strategy },
        { provide: FoldBatch, useValue: new FoldBatch(log, offsets, config.grantSecret, Date.now, blocked) },
        {
          provide: ProcessManager,
          useValue: new ProcessManager({ pool, log, logger, tickMs: config.tickMs, blocked }),
        },
        {
          provide: LOOPS,
          useValue: [
            new Repeating({
              name: 'prune-inbox',
              work: () => pruning.run(),
              everyMs: config.pruneEveryMs,
              firstMs: Math.min(config.pruneEveryMs, FIRST_PRUNING_MS),
              logger,
            }),
            new Repeating({
              name: 'join-counts',
              work: () => joinCounts(pool),
              everyMs: JOIN_COUNTS_MS,
              logger,
            }),
            new Repeating({ name: 'look-at-self', work: () => watch.look(), everyMs: 1_000, logger }),
            ...watching(config, logger),
          ],
        },
        Lifecycle,
      ],
    }
  }
}

/** Looks after the connector that publishes the outbox. */
function watching({ watch }: AggregatorConfig, logger: Logger): Repeating[] {
  if (watch === null) {
    logger.warn('LETHE_CONNECT_URL is not set: nobody restarts the outbox connector when it fails')
    return []
  }
  const { connector, connectUrl, everyMs } = watch
  const watcher = new ConnectorWatch({ connector, connect: new HttpConnect(connectUrl), logger })
  return [new Repeating({ name: 'watch-connector', work: () => watcher.look(), everyMs, firstMs: 0, logger })]
}
