import { KafkaBatchStrategy, MessageCodec, MessageProducer } from '@lethe/messaging'
import { createLogger, type Logger, metricsRegistry } from '@lethe/service-host'
import { type DynamicModule, Inject, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common'
import { EraseController, ProbeController } from './command.controllers.js'
import type { EraserConfig } from './config.js'
import type { Connector } from './connector.js'
import { concerns, EraseHost, type HostParts } from './erase-host.js'
import { LookController, PROBE_TOKEN } from './look.controller.js'
import { MapCheckController } from './map-check.controller.js'
import { MapCheck } from './map-check.js'
import { ProbeHost } from './probe-host.js'
import { RequestClient } from './request-client.js'
import { Systems } from './systems.js'

const LOGGER = Symbol('logger')
const PARTS = Symbol('host parts')

/** One deployment: a connector as `erase` or as `probe`, with that role's credentials only. */
@Module({})
export class EraserModule implements OnApplicationShutdown {
  constructor(
    @Inject(Systems) private readonly systems: Systems,
    @Inject(MessageProducer) private readonly producer: MessageProducer,
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
        ...ports(connector, config),
        ...(config.role === 'erase' ? erase(connector, config) : probe(config)),
      ],
      exports: [KafkaBatchStrategy, MapCheck, Systems],
    }
  }

  /** After the transport has drained: its handlers used these. */
  async onApplicationShutdown(): Promise<void> {
    await this.systems.close()
    await this.producer.disconnect()
  }
}

function ports(connector: Connector, config: EraserConfig): Provider[] {
  const request = new RequestClient(config.requestUrl, config.token)
  return [
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
          tuning: { partitionsAtOnce: batch.concurrency ?? 1 },
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
