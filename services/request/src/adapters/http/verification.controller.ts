import { AuthGuard, CallerParam, parsed } from '@lethe/service-host'
import { Controller, Get, Query, UseGuards } from '@nestjs/common'
import { Queries } from '../../application/queries.js'
import type { Caller } from '../../domain/permissions.js'
import { verificationQuery } from './bodies.js'

/** The verification view: one row per request and system. */
@Controller('v1/verification')
@UseGuards(AuthGuard)
export class VerificationController {
  constructor(private readonly queries: Queries) {}

  @Get()
  view(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.queries.verificationView(caller, parsed(verificationQuery, query, 'query'))
  }
}
