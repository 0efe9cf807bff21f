import { type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Controller, Get, Inject, Query, UseGuards } from '@nestjs/common'
import type { Identity } from '../../application/identity.js'
import { Restores } from '../../application/restores.js'
import { noQuery, restoresQuery } from './queries.js'
import { IdentityParam, SessionGuard } from './session.guard.js'

/** Stores that came back from a backup, and the backups there are. */
@Controller('v1')
@UseGuards(SessionGuard)
export class RestoresController {
  constructor(@Inject(Restores) private readonly restores: Restores) {}

  @Get('restores')
  list(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.restores.list(caller, parsed(restoresQuery, query, 'query'))
  }

  @Get('drills')
  drills(@IdentityParam() identity: Identity, @Query() query: unknown) {
    parsed(noQuery, query, 'query')
    return this.restores.drills(identity)
  }

  @Get('backups')
  backups(@IdentityParam() identity: Identity, @Query() query: unknown) {
    parsed(noQuery, query, 'query')
    return this.restores.backups(identity)
  }
}
