import { KafkaBatchStrategy, MessageCodec } from '@lethe/messaging'
import type { SelfWatch } from '@lethe/request-log'
import type { wire } from '@lethe/schemas'
import { Credentials, type Logger, metricsRegistry, PeoplesTokens, type Repeating } from '@lethe/service-host'
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
import { AnnouncedController, WATCHED } from './adapters/announced.controller.js'
import { BackupsController } from './adapters/http/backups.controller.js'
import { CopiesController } from './adapters/http/copies.controller.js'
import { DrillsController } from './adapters/http/drills.controller.js'
import { PublicController } from './adapters/http/public.controller.js'
import { RestoresController } from './adapters/http/restores.controller.js'
import { ReviewsController } from './adapters/http/reviews.controller.js'
import { SelfController } from './adapters/http/self.controller.js'
import { Backups } from './application/backups.js'
import { Copies } from './application/copies.js'
import { Drills } from './application/drills.js'
import { Guard } from './application/guard.js'
import { Restores } from './application/restores.js'
import { Reviews } from './application/reviews.js'
import type { ChainFold } from './application/self/chain-fold.js'
import { SelfRestore } from './application/self/self-restore.js'
import { Sweeps } from './application/sweeps.js'
import type { RestoreConfig } from './config.js'
import { openParts } from './parts.js'

const POOLS = Symbol('pools')
const ROUNDS = Symbol('rounds')
const WATCH = Symbol('watch')
export const STRATEGIES = Symbol('strategies')

/** Starts and ends what Nest does not know of. */
@Injectable()
class Lifecycle implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(
    @Inject(Guard) private readonly guard: Guard,
    @Inject(Sweeps) private readonly sweeps: Sweeps,
    @Inject(ROUNDS) private readonly rounds: readonly Repeating[],
    @Inject(POOLS) private readonly pools: readonly Pool[],
    @Inject(WATCH) private readonly watch: SelfWatch,
    @Inject(Drills) private readonly drills: Drills,
  ) {}

  onApplicationBootstrap(): void {
    for (const round of this.rounds) round.start()
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.rounds.map((round) => round.stop()))
    // The guard closes the stores that sweeps look into.
    await this.sweeps.stop()
    await this.drills.stop()
    await this.guard.stop()
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.pools.map((pool) => pool.end()), this.watch.close()])
  }
}

/** Wires the restore service. */
@Module({})
export class RestoreModule {
  static async with(config: RestoreConfig, logger: Logger): Promise<DynamicModule> {
    const codec = await MessageCodec.connect(config.registryUrl, { register: true })
    const parts = await openParts(config, logger, codec)
    const strategy = new KafkaBatchStrategy({
      kafka: config.kafka,
      group: 'restore',
      codec,
      logger,
      registry: metricsRegistry,
      subscriptions: [{ topic: 'restore.announced', mode: 'batch', maxBatch: 100 }],
    })
    const { self } = parts
    const chain = self === null ? [] : [chainStrategy(self.fold, { config, codec, logger })]
    return {
      module: RestoreModule,
      controllers: [
        PublicController,
        AnnouncedController,
        RestoresController,
        BackupsController,
        CopiesController,
        DrillsController,
        ReviewsController,
        ...(self === null ? [] : [SelfController]),
      ],
      providers: [
        { provide: Pool, useValue: parts.pool },
        { provide: POOLS, useValue: [parts.pool, parts.locks] },
        { provide: Credentials, useValue: parts.credentials },
        {
          provide: PeoplesTokens,
          useValue: config.people === null ? null : new PeoplesTokens(config.people),
        },
        { provide: Guard, useValue: parts.guard },
        { provide: Backups, useValue: parts.backups },
        { provide: Restores, useValue: parts.restores },
        { provide: Sweeps, useValue: parts.sweeps },
        { provide: Copies, useValue: parts.copies },
        { provide: Drills, useValue: parts.drills },
        { provide: Reviews, useValue: parts.reviews },
        { provide: ROUNDS, useValue: parts.rounds },
        { provide: WATCHED, useValue: parts.watched },
        { provide: STRATEGIES, useValue: [strategy, ...chain] },
        { provide: WATCH, useValue: parts.watch },
        ...(self === null ? [] : [{ provide: SelfRestore, useValue: self.restore }]),
        Lifecycle,
      ],
    }
  }
}

function chainStrategy(
  fold: ChainFold,
  { config, codec, logger }: { config: RestoreConfig; codec: MessageCodec; logger: Logger },
): KafkaBatchStrategy {
  const strategy = new KafkaBatchStrategy({
    kafka: config.kafka,
    group: 'restore.chain',
    codec,
    logger,
    registry: metricsRegistry,
    subscriptions: [{ topic: 'erasure.tombstones', mode: 'batch', maxBatch: 500, offsets: fold }],
  })
  return strategy.handle<wire.ErasureTombstone>('erasure.tombstones', (batch, context) =>
    fold.handle(batch, context),
  )
}
