import { AuthGuard, type Caller, CallerParam, parsed, problem } from '@lethe/service-host'
import { Controller, Get, Inject, Param, Query, UseGuards } from '@nestjs/common'
import { Requests } from '../../application/requests.js'
import { listQuery, requestIdPattern, timelineQuery } from './queries.js'

const requestIdOf = (text: string): string => {
  if (requestIdPattern.test(text)) return text
  throw problem('not_found', 'There is no such request among those of your tenants. Check the id.')
}

/** Requests of the caller's tenants. */
@Controller('v1/requests')
@UseGuards(AuthGuard)
export class RequestsController {
  constructor(@Inject(Requests) private readonly requests: Requests) {}

  @Get()
  list(@CallerParam() caller: Caller, @Query() query: unknown) {
    return this.requests.list(caller, parsed(listQuery, query, 'query'))
  }

  @Get(':id')
  one(@CallerParam() caller: Caller, @Param('id') id: string) {
    return this.requests.one(caller, requestIdOf(id))
  }

  @Get(':id/timeline')
  timeline(@CallerParam() caller: Caller, @Param('id') id: string, @Query() query: unknown) {
    return this.requests.timeline(caller, requestIdOf(id), parsed(timelineQuery, query, 'query'))
  }
}
