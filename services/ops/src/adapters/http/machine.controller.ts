import { type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Controller, Get, Inject, Query, UseGuards } from '@nestjs/common'
import { Looks } from '../../application/looks.js'
import { erasersQuery, freshness, gatesQuery } from './queries.js'
import { SessionGuard } from './session.guard.js'

/** The machine: how far everybody is behind, and whom that endangers. */
@Controller('v1')
@UseGuards(SessionGuard)
export class MachineController {
  constructor(@Inject(Looks) private readonly looks: Looks) {}

  @Get('lag')
  lag(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.looks.lag(caller, parsed(freshness, query, 'query').maxAgeMs)
  }

  @Get('at-risk')
  atRisk(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.looks.atRisk(caller, parsed(freshness, query, 'query').maxAgeMs)
  }

  @Get('overview')
  overview(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.looks.overview(caller, parsed(freshness, query, 'query').maxAgeMs)
  }

  @Get('erasers')
  erasers(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { maxAgeMs, ...where } = parsed(erasersQuery, query, 'query')
    return this.looks.erasers(caller, maxAgeMs, where)
  }

  @Get('gates')
  gates(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.looks.gates(caller, parsed(gatesQuery, query, 'query'))
  }
}
