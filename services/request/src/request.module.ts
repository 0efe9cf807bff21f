import { Credentials, PeoplesTokens } from '@lethe/service-host'
import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common'
import { ErasersController } from './adapters/http/erasers.controller.js'
import { ErasureRequestsController } from './adapters/http/erasure-requests.controller.js'
import { MapCheckController } from './adapters/http/map-check.controller.js'
import { PeopleController } from './adapters/http/people.controller.js'
import { PreviewsController } from './adapters/http/previews.controller.js'
import { PublicController } from './adapters/http/public.controller.js'
import { TombstonesController } from './adapters/http/tombstones.controller.js'
import { VaultController } from './adapters/http/vault.controller.js'
import { VerificationController } from './adapters/http/verification.controller.js'
import { IntakeController } from './adapters/intake.controller.js'
import { AcceptQueue } from './application/accept-queue.js'
import { Clearance } from './application/clearance.js'
import { RequestCommands } from './application/commands.js'
import { DataMaps } from './application/data-maps.js'
import { EraserBeats } from './application/eraser-beats.js'
import { ImportTombstones } from './application/import-tombstones.js'
import { Intake } from './application/intake.js'
import { MapChecks } from './application/map-check.js'
import { Naming } from './application/naming.js'
import { People } from './application/people.js'
import { Previews } from './application/preview.js'
import { Queries } from './application/queries.js'
import { Tasks } from './application/tasks.js'
import { Tombstones } from './application/tombstones.js'
import { VaultAdministration } from './application/vault-administration.js'
import type { RequestParts } from './parts.js'
import { IntakeKey } from './vault/intake-key.js'

const PARTS = Symbol('parts')

/** HTTP, intake and the loops around parts that were opened before: nothing here can fail to connect. */
@Module({})
export class RequestModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(@Inject(PARTS) private readonly parts: RequestParts) {}

  static around(parts: RequestParts): DynamicModule {
    return {
      module: RequestModule,
      controllers: [
        ErasureRequestsController,
        PreviewsController,
        PeopleController,
        ErasersController,
        MapCheckController,
        VerificationController,
        TombstonesController,
        VaultController,
        PublicController,
        IntakeController,
      ],
      providers: [
        { provide: PARTS, useValue: parts },
        { provide: Credentials, useValue: parts.credentials },
        { provide: PeoplesTokens, useValue: parts.people },
        { provide: AcceptQueue, useValue: parts.queue },
        { provide: RequestCommands, useValue: parts.commands },
        { provide: Tasks, useValue: parts.tasks },
        { provide: Queries, useValue: parts.queries },
        { provide: People, useValue: parts.namedPeople },
        { provide: Naming, useValue: parts.naming },
        { provide: Previews, useValue: parts.previews },
        { provide: Clearance, useValue: parts.clearance },
        { provide: EraserBeats, useValue: parts.beats },
        { provide: Tombstones, useValue: parts.tombstones },
        { provide: ImportTombstones, useValue: parts.imports },
        { provide: DataMaps, useValue: parts.maps },
        { provide: MapChecks, useValue: parts.mapChecks },
        { provide: Intake, useValue: parts.intake },
        { provide: VaultAdministration, useValue: parts.vaultAdministration },
        { provide: IntakeKey, useValue: parts.intakeKey },
      ],
    }
  }

  onApplicationBootstrap(): void {
    for (const loop of this.parts.loops) loop.start()
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.parts.loops.map((loop) => loop.stop()))
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.parts.pool.end(), this.parts.watch.close()])
  }
}
