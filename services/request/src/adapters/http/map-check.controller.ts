import { AuthGuard, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common'
import { forbidden } from '../../application/access.js'
import { type CheckedMap, MapChecks } from '../../application/map-check.js'
import { type Caller, may } from '../../domain/permissions.js'
import { mapCheckBody } from './bodies.js'

/** Whether a data map fits the live stores. Changes nothing. */
@Controller('v1/map-check')
@UseGuards(AuthGuard)
export class MapCheckController {
  constructor(private readonly checks: MapChecks) {}

  /** The map in force. */
  @Get()
  current(@CallerParam() caller: Caller): Promise<CheckedMap> {
    if (!may(caller, 'check_map')) throw forbidden('check_map')
    return this.checks.check()
  }

  /** A map that is not in force yet. */
  @Post()
  @HttpCode(200)
  candidate(@CallerParam() caller: Caller, @Body() body: unknown): Promise<CheckedMap> {
    if (!may(caller, 'check_map')) throw forbidden('check_map')
    return this.checks.check(parsed(mapCheckBody, body).map)
  }
}
