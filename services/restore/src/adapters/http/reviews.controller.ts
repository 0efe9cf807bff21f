import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common'
import { z } from 'zod'
import { Reviews } from '../../application/reviews.js'
import { restoreName as id } from '../../domain/restore-name.js'

const listQuery = z.object({ systemId: id.optional(), all: z.enum(['true', 'false']).optional() }).strict()
// No free text: it is kept for ever, outside the vault, and could name somebody.
const decideBody = z.object({ decision: z.enum(['keep', 'erase']), ticket: id }).strict()

/** Records that may be of somebody who came back. */
@Controller('v1/reviews')
@UseGuards(AuthGuard)
export class ReviewsController {
  constructor(@Inject(Reviews) private readonly reviews: Reviews) {}

  @Get()
  async list(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { systemId, all } = parsed(listQuery, query, 'query')
    return { reviews: await this.reviews.list(caller, systemId ?? null, all === 'true') }
  }

  @Post(':reviewId/decide')
  @HttpCode(200)
  decide(@CallerParam() caller: Caller, @Param('reviewId') given: string, @Body() body: unknown) {
    const { decision, ticket } = parsed(decideBody, body)
    return this.reviews.decide(caller, parsed(id, given, 'reviewId'), decision, ticket)
  }
}
