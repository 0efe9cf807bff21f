import { type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Controller, Get, Inject, Query, UseGuards } from '@nestjs/common'
import { Matrix } from '../../application/matrix.js'
import { matrixQuery } from './queries.js'
import { SessionGuard } from './session.guard.js'

/** What independent probes found, requests by systems. */
@Controller('v1/verification')
@UseGuards(SessionGuard)
export class VerificationController {
  constructor(@Inject(Matrix) private readonly matrix: Matrix) {}

  @Get()
  view(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.matrix.read(caller, parsed(matrixQuery, query, 'query'))
  }
}
