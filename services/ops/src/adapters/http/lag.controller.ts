import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Controller, Get, Inject, Query, UseGuards } from '@nestjs/common'
import { Looks } from '../../application/looks.js'
import { freshness } from './queries.js'

/** The machine: how far everybody is behind. */
@Controller('v1')
@UseGuards(AuthGuard)
export class LagController {
  constructor(@Inject(Looks) private readonly looks: Looks) {}

  @Get('lag')
  lag(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.looks.lag(caller, parsed(freshness, query, 'query').maxAgeMs)
  }
}
