import { type Caller, CallerParam, parsed, problem } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common'
import { DeadLetterWork } from '../../application/dead-letter-work.js'
import type { Identity } from '../../application/identity.js'
import { Looks } from '../../application/looks.js'
import { redriveBody } from './bodies.js'
import { deadLettersQuery, nameShape } from './queries.js'
import { IdentityParam, SessionGuard } from './session.guard.js'

const whole = /^[0-9]{1,19}$/

/** What could not be worked on: the list, one of them, and sending them again. */
@Controller('v1/dead-letters')
@UseGuards(SessionGuard)
export class DeadLettersController {
  constructor(
    @Inject(Looks) private readonly looks: Looks,
    @Inject(DeadLetterWork) private readonly work: DeadLetterWork,
  ) {}

  @Get()
  list(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { maxAgeMs, ...where } = parsed(deadLettersQuery, query, 'query')
    return this.looks.deadLetters(caller, maxAgeMs, where)
  }

  @Get(':group/:topic/:partition/:offset')
  one(
    @IdentityParam() identity: Identity,
    @Param('group') group: string,
    @Param('topic') topic: string,
    @Param('partition') partition: string,
    @Param('offset') offset: string,
  ) {
    const named = [group, topic].every((text) => nameShape.safeParse(text).success)
    if (!named || !whole.test(partition) || !whole.test(offset))
      throw problem('not_found', 'There is no such dead letter, or it was sent again. See the list.')
    return this.work.look(identity, group, `${topic}/${partition}/${offset}`)
  }

  @Post('redrive')
  @HttpCode(200)
  redrive(@IdentityParam() identity: Identity, @Body() body: unknown) {
    return this.work.redrive(identity, parsed(redriveBody, body))
  }
}
