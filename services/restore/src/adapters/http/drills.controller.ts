import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common'
import { Drills } from '../../application/drills.js'
import { checkDrillBody, drillId, ofSystem, startDrillBody } from './bodies.js'

/** Restore drills and their evidence. */
@Controller('v1/drills')
@UseGuards(AuthGuard)
export class DrillsController {
  constructor(@Inject(Drills) private readonly drills: Drills) {}

  @Get()
  async list(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { systemId } = parsed(ofSystem, query, 'query')
    return { drills: await this.drills.list(caller, systemId ?? null) }
  }

  @Get(':drillId')
  one(@CallerParam() caller: Caller, @Param('drillId') given: string) {
    return this.drills.one(caller, parsed(drillId, given, 'drillId'))
  }

  @Post()
  start(@CallerParam() caller: Caller, @Body() body: unknown) {
    const given = parsed(startDrillBody, body)
    return this.drills.start(caller, given.systemId, given.drillId)
  }

  @Post('check')
  @HttpCode(200)
  check(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.drills.check(caller, parsed(checkDrillBody, body).systemId)
  }

  @Post(':drillId/stop')
  @HttpCode(200)
  stop(@CallerParam() caller: Caller, @Param('drillId') given: string) {
    return this.drills.stopOne(caller, parsed(drillId, given, 'drillId'))
  }
}
