import { type Caller, CallerParam, parsed, problem } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common'
import { Bulk } from '../../application/bulk.js'
import type { Identity } from '../../application/identity.js'
import { bulkBodies, bulkBody } from './bodies.js'
import { bulkItemsQuery, requestIdPattern } from './queries.js'
import { IdentityParam, SessionGuard } from './session.guard.js'

const jobIdOf = (text: string): string => {
  if (requestIdPattern.test(text)) return text
  throw problem('not_found', 'There is no such job among those of your tenants. Check the id.')
}

/** Actions on every request of a list: shown first, then done, and resumed where they stopped. */
@Controller('v1/bulk')
@UseGuards(SessionGuard)
export class BulkController {
  constructor(@Inject(Bulk) private readonly bulk: Bulk) {}

  @Get()
  list(@CallerParam() caller: Caller) {
    return this.bulk.list(caller)
  }

  @Post()
  show(@IdentityParam() identity: Identity, @Body() body: unknown) {
    const { verb, list, except } = parsed(bulkBody, body)
    const address = new URLSearchParams((body as { list: Record<string, string> }).list).toString()
    return this.bulk.show(identity, { verb, list, except, address })
  }

  @Get(':id')
  one(@CallerParam() caller: Caller, @Param('id') id: string) {
    return this.bulk.one(caller, jobIdOf(id))
  }

  @Get(':id/items')
  items(@CallerParam() caller: Caller, @Param('id') id: string, @Query() query: unknown) {
    const { after, limit, outcome = null } = parsed(bulkItemsQuery, query, 'query')
    return this.bulk.items(caller, jobIdOf(id), { after, limit, outcome })
  }

  /** The body is the action's own, the same for each. */
  @Post(':id/run')
  @HttpCode(202)
  async run(@IdentityParam() identity: Identity, @Param('id') id: string, @Body() body: unknown) {
    const { verb } = await this.bulk.one(identity.caller, jobIdOf(id))
    return this.bulk.run(identity, id, parsed<object>(bulkBodies[verb], body))
  }

  @Post(':id/stop')
  @HttpCode(200)
  stop(@IdentityParam() identity: Identity, @Param('id') id: string) {
    return this.bulk.stop(identity, jobIdOf(id))
  }
}
