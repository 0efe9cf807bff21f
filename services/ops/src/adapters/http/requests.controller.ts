import { type Caller, CallerParam, parsed, problem } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common'
import { Actions } from '../../application/actions.js'
import type { Identity } from '../../application/identity.js'
import { Requests } from '../../application/requests.js'
import { actionBodies } from './bodies.js'
import { listQuery, requestIdPattern, timelineQuery } from './queries.js'
import { IdentityParam, SessionGuard } from './session.guard.js'

const requestIdOf = (text: string): string => {
  if (requestIdPattern.test(text)) return text
  throw problem('not_found', 'There is no such request among those of your tenants. Check the id.')
}

/** Requests of the caller's tenants, and what is done with one. */
@Controller('v1/requests')
@UseGuards(SessionGuard)
export class RequestsController {
  constructor(
    @Inject(Requests) private readonly requests: Requests,
    @Inject(Actions) private readonly actions: Actions,
  ) {}

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

  @Post(':id/:verb')
  @HttpCode(200)
  act(
    @IdentityParam() identity: Identity,
    @Param('id') id: string,
    @Param('verb') verb: string,
    @Body() body: unknown,
  ) {
    const requestId = requestIdOf(id)
    if (!Object.hasOwn(actionBodies, verb)) {
      const known = Object.keys(actionBodies).join(', ')
      throw problem('not_found', `There is no such action. Use one of ${known}.`)
    }
    const action = verb as keyof typeof actionBodies
    return this.actions.run(identity, requestId, action, parsed<object>(actionBodies[action], body))
  }
}
