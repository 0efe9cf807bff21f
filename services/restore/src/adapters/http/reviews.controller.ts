import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common'
import { Reviews } from '../../application/reviews.js'
import { decideBody, name, ofSystemOrAll } from './bodies.js'

/** Records that may be of somebody who came back. */
@Controller('v1/reviews')
@UseGuards(AuthGuard)
export class ReviewsController {
  constructor(@Inject(Reviews) private readonly reviews: Reviews) {}

  @Get()
  async list(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { systemId, all } = parsed(ofSystemOrAll, query, 'query')
    return { reviews: await this.reviews.list(caller, systemId ?? null, all === 'true') }
  }

  @Post(':reviewId/decide')
  @HttpCode(200)
  decide(@CallerParam() caller: Caller, @Param('reviewId') given: string, @Body() body: unknown) {
    const { decision, ticket } = parsed(decideBody, body)
    return this.reviews.decide(caller, parsed(name, given, 'reviewId'), decision, ticket)
  }
}
