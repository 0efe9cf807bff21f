import { type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Post, Query, UseGuards } from '@nestjs/common'
import { DataMapLooks } from '../../application/data-map-looks.js'
import type { Identity } from '../../application/identity.js'
import { nothingBody } from './bodies.js'
import { dataMapQuery } from './queries.js'
import { IdentityParam, SessionGuard } from './session.guard.js'

/** Which systems hold something of a person, and what becomes of it. */
@Controller('v1/data-map')
@UseGuards(SessionGuard)
export class DataMapController {
  constructor(@Inject(DataMapLooks) private readonly maps: DataMapLooks) {}

  @Get()
  view(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.maps.view(caller, parsed(dataMapQuery, query, 'query').version)
  }

  @Post('check')
  @HttpCode(200)
  check(@IdentityParam() identity: Identity, @Body() body: unknown) {
    parsed(nothingBody, body)
    return this.maps.check(identity)
  }
}
