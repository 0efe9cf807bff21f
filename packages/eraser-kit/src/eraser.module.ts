import { randomUUID } from 'node:crypto'
import { KafkaBatchStrategy, MessageCodec, MessageProducer } from '@lethe/messaging'
import { createLogger, type Logger, metricsRegistry, Repeating } from '@lethe/service-host'
import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  type Provider,
} from '@nestjs/common'
import { Beats } from './beat.js'
import { EraseController, ProbeController } from './command.controllers.js'
import { type EraserConfig, pruningDefaults } from './config.js'
import type { Connector, Role } from './connector.js'
import { concerns, EraseHost, type HostParts } from './erase-host.js'
import { LookController, PROBE_TOKEN } from './look.controller.js'
import { MapCheckController } from './map-check.controller.js'
import { MapCheck } from './map-check.js'
import { ProbeHost } from './probe-host.js'
import { ReceiptPruning } from './receipt-pruning.js'
import { RequestClient } from './request-client.js'
import { StoreWatch } from './store-watch.js'
import { Systems } from './systems.js'

const LOGGER = Symbol('logger')
const PARTS = Symbol('host parts')
const LOOPS = Symbol('loops')

/** Partitions whose batches are in hand at the same time; as many as the topics have. */
const PARTITIONS = 6
const LOOK_EVERY_MS = 60_000
const BEAT_EVERY_MS = 10_000
/** The store was looked at by then; and until `request` hears, so that nobody who is there is called missing. */
const FIRST_BEAT_MS = 1_000
/** A process that lives shorter than a day prunes too. */
const FIRST_PRUNING_MS = 60_000

/** What a deployment needs of its store, by role. */
export const storeCheck = (role: Role, systems: Systems): Promise<void> =>
  role === 'probe' ? systems.checkProbe() : systems.check()

/** One deployment: a connector as `erase` or as `probe`, with that role's credentials only. */
@Module({})
export class EraserModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(Systems) private readonly systems: Systems,
    @Inject(MessageProducer) private readonly producer: MessageProducer,
    @Inject(LOOPS) private readonly loops: readonly Repeating[],
  ) {}

  static forConnector(
    connector: Connector,
    config: EraserConfig,
    logger: Logger = createLogger(`${config.role}.${config.systemId}`),
  ): DynamicModule {
    return {
      module: EraserModule,
      controllers:
        config.role === 'erase' ? [EraseController] : [ProbeController, LookController, MapCheckController],
      providers: [
        { provide: LOGGER, useValue: logger },
        {
          provide: LOOPS,
          inject: [Systems, RequestClient, ...(config.role === 'erase' ? [EraseHost] : [])],
          useFactory: (systems: Systems, request: RequestClient, host?: EraseHost) =>
            loops({ config, connector, systems, request, host: host ?? null, logger }),
        },
        ...ports(connector, config),
        ...(config.role === 'erase' ? erase(connector, config) : probe(config)),
      ],
      exports: [KafkaBatchStrategy, MapCheck, Systems],
    }
  }

  onApplicationBootstrap(): void {
    for (const loop of this.loops) loop.start()
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop()))
  }

  /** After the transport has drained: its handlers used these. */
  async onApplicationShutdown(): Promise<void> {
    await this.systems.close()
    await this.producer.disconnect()
  }
}

interface Looping {
  readonly config: EraserConfig
  readonly connector: Connector
  readonly systems: Systems
  readonly request: RequestClient
  /** null for a probe. */
  readonly host: EraseHost | null
  readonly logger: Logger
}

/** Says once, and not every time, that nobody hears the beat: clearance tells of the same. */
function beating(parts: Looping, watch: StoreWatch): Repeating {
  const { config, connector, request, host, logger } = parts
  const beats = new Beats({
    systemId: config.systemId,
    role: config.role,
    instance: randomUUID(),
    version: connector.version,
    store: () => watch.state,
    pacing: () => host?.pacing ?? null,
    tell: (beat) => request.beat(beat),
  })
  let heard = true
  const work = async () => {
    // Nobody is called unusable for a minute because `request` started a moment later.
    if (watch.state !== 'ok') await watch.look()
    try {
      await beats.beat()
      heard = true
    } catch (err) {
      if (heard)
        logger.warn({ err, system: config.systemId }, 'request does not hear that this deployment is there')
      heard = false
    }
  }
  const everyMs = () => (heard ? BEAT_EVERY_MS : FIRST_BEAT_MS)
  return new Repeating({ name: 'beat', work, everyMs, firstMs: FIRST_BEAT_MS, logger })
}

function loops(parts: Looping): Repeating[] {
  const { config, systems, request, logger } = parts
  const { systemId, role } = config
  const watch = new StoreWatch(systemId, () => storeCheck(role, systems), logger, role)
  const watching = new Repeating({
    name: 'watch-store',
    work: () => watch.look(),
    everyMs: LOOK_EVERY_MS,
    firstMs: 0,
    logger,
  })
  const beat = beating(parts, watch)
  if (role === 'probe') return [watching, beat]
  const { receiptsKeepMs: keepMs = pruningDefaults.receiptsKeepMs } = config
  const { pruneEveryMs: everyMs = pruningDefaults.pruneEveryMs } = config
  const pruning = new ReceiptPruning({ systemId, systems, request, keepMs, logger })
  const firstMs = Math.min(everyMs, FIRST_PRUNING_MS)
  return [
    watching,
    beat,
    new Repeating({ name: 'prune-receipts', work: () => pruning.run(), everyMs, firstMs, logger }),
  ]
}

function ports(connector: Connector, config: EraserConfig): Provider[] {
  const request = new RequestClient(config.requestUrl, config.token)
  return [
    { provide: RequestClient, useValue: request },
    {
      provide: Systems,
      useFactory: () => new Systems(connector, config.systemId, request, config.secret, config.role),
    },
    {
      provide: MapCheck,
      inject: [Systems, LOGGER],
      useFactory: (systems: Systems, logger: Logger) =>
        new MapCheck({ systemId: config.systemId, role: config.role, connector, systems, request, logger }),
    },
    {
      provide: MessageCodec,
      useFactory: () =>
        MessageCodec.connect(config.registryUrl, { register: false, topics: ['erasure.acknowledged'] }),
    },
    {
      provide: MessageProducer,
      inject: [MessageCodec, LOGGER],
      useFactory: async (codec: MessageCodec, logger: Logger) => {
        const producer = new MessageProducer({ kafka: config.kafka, codec, logger })
        await producer.connect()
        return producer
      },
    },
    {
      provide: PARTS,
      inject: [Systems, MessageProducer, LOGGER],
      useFactory: (systems: Systems, publisher: MessageProducer, logger: Logger): HostParts => ({
        systemId: config.systemId,
        connector,
        systems,
        request,
        publisher,
        logger,
      }),
    },
  ]
}

function erase(connector: Connector, config: EraserConfig): Provider[] {
  const { batch } = connector.capabilities
  return [
    { provide: EraseHost, inject: [PARTS], useFactory: (parts: HostParts) => new EraseHost(parts) },
    {
      provide: KafkaBatchStrategy,
      inject: [EraseHost, MessageCodec, LOGGER],
      useFactory: (host: EraseHost, codec: MessageCodec, logger: Logger) =>
        new KafkaBatchStrategy({
          kafka: config.kafka,
          group: `eraser.${config.systemId}`,
          codec,
          logger,
          registry: metricsRegistry,
          // The host gathers what they bring and keeps to the connector's own concurrency.
          tuning: { partitionsAtOnce: PARTITIONS },
          subscriptions: [
            {
              topic: 'erasure.requested',
              mode: 'batch',
              filter: concerns(config.systemId),
              maxBatch: batch.max,
              onDeadLetter: (item, error) => host.onDeadLetter(item, error),
            },
          ],
        }),
    },
  ]
}

function probe(config: EraserConfig): Provider[] {
  return [
    { provide: PROBE_TOKEN, useValue: config.probeToken },
    { provide: ProbeHost, inject: [PARTS], useFactory: (parts: HostParts) => new ProbeHost(parts) },
    {
      provide: KafkaBatchStrategy,
      inject: [ProbeHost, MessageCodec, LOGGER],
      useFactory: (host: ProbeHost, codec: MessageCodec, logger: Logger) =>
        new KafkaBatchStrategy({
          kafka: config.kafka,
          group: `probe.${config.systemId}`,
          codec,
          logger,
          registry: metricsRegistry,
          tuning: { partitionsAtOnce: PARTITIONS },
          subscriptions: [
            {
              topic: 'erasure.probe.requested',
              mode: 'batch',
              filter: concerns(config.systemId),
              onDeadLetter: (item, error) => host.onDeadLetter(item, error),
            },
          ],
        }),
    },
  ]
}
