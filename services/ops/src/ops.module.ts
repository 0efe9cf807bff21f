import { Credentials, PeoplesTokens } from '@lethe/service-host'
import {
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleDestroy,
} from '@nestjs/common'
import { BulkController } from './adapters/http/bulk.controller.js'
import { ConsoleController, SITE } from './adapters/http/console.controller.js'
import { COOKIES } from './adapters/http/cookies.js'
import { DataMapController } from './adapters/http/data-map.controller.js'
import { DeadLettersController } from './adapters/http/dead-letters.controller.js'
import { ExportController } from './adapters/http/export.controller.js'
import { LiveController, LOGGER } from './adapters/http/live.controller.js'
import { MachineController } from './adapters/http/machine.controller.js'
import { OidcController } from './adapters/http/oidc.controller.js'
import { PeopleController } from './adapters/http/people.controller.js'
import { PublicController } from './adapters/http/public.controller.js'
import { RequestsController } from './adapters/http/requests.controller.js'
import { RestoresController } from './adapters/http/restores.controller.js'
import { SessionController } from './adapters/http/session.controller.js'
import { SessionGuard } from './adapters/http/session.guard.js'
import { VerificationController } from './adapters/http/verification.controller.js'
import { Actions } from './application/actions.js'
import { Attempts } from './application/attempts.js'
import { Bulk } from './application/bulk.js'
import { DataMapLooks } from './application/data-map-looks.js'
import { DeadLetterWork } from './application/dead-letter-work.js'
import { Export } from './application/export.js'
import { Journal } from './application/journal.js'
import { Live } from './application/live.js'
import { Looks } from './application/looks.js'
import { Matrix } from './application/matrix.js'
import { OidcSignIn } from './application/oidc-sign-in.js'
import { People } from './application/people.js'
import { Requests } from './application/requests.js'
import { Restores } from './application/restores.js'
import { Sessions } from './application/sessions.js'
import type { OpsParts } from './parts.js'

const PARTS = Symbol('parts')

/** HTTP and the loops around parts that were opened before. */
@Module({})
export class OpsModule implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  constructor(@Inject(PARTS) private readonly parts: OpsParts) {}

  static around(parts: OpsParts): DynamicModule {
    return {
      module: OpsModule,
      controllers: [
        MachineController,
        BulkController,
        ExportController,
        RequestsController,
        DataMapController,
        DeadLettersController,
        RestoresController,
        LiveController,
        OidcController,
        PeopleController,
        SessionController,
        VerificationController,
        PublicController,
        ConsoleController,
      ],
      providers: [
        { provide: PARTS, useValue: parts },
        { provide: Credentials, useValue: parts.credentials },
        { provide: PeoplesTokens, useValue: parts.people },
        { provide: OidcSignIn, useValue: parts.oidc },
        { provide: Looks, useValue: parts.looks },
        { provide: Live, useValue: parts.live },
        { provide: LOGGER, useValue: parts.logger },
        { provide: SITE, useValue: { built: parts.site } },
        { provide: Requests, useValue: parts.requests },
        { provide: People, useValue: parts.namedPeople },
        { provide: Restores, useValue: parts.restores },
        { provide: Sessions, useValue: parts.sessions },
        { provide: Attempts, useValue: parts.attempts },
        { provide: Journal, useValue: parts.journal },
        { provide: Actions, useValue: parts.actions },
        { provide: DataMapLooks, useValue: parts.dataMap },
        { provide: Export, useValue: parts.exports },
        { provide: Bulk, useValue: parts.bulk },
        { provide: DeadLetterWork, useValue: parts.deadLetterWork },
        { provide: Matrix, useValue: parts.matrix },
        { provide: COOKIES, useValue: parts.cookies },
        SessionGuard,
      ],
    }
  }

  onApplicationBootstrap(): void {
    for (const loop of this.parts.loops) loop.start()
  }

  async onModuleDestroy(): Promise<void> {
    // A stream never ends by itself while the server waits for it to.
    this.parts.changes.stop()
    this.parts.live.stop()
    await Promise.all([this.parts.bulkRunner.stop(), ...this.parts.loops.map((loop) => loop.stop())])
  }

  async onApplicationShutdown(): Promise<void> {
    await this.parts.kafka.close()
    await this.parts.pool.end()
  }
}
