import { parsed } from '@lethe/service-host'
import { Body, Controller, HttpCode, Inject, Ip, Post, UseGuards } from '@nestjs/common'
import type { Identity } from '../../application/identity.js'
import { People } from '../../application/people.js'
import { personBody } from './bodies.js'
import { IdentityParam, SessionGuard } from './session.guard.js'

/** A person, named in a body and nowhere else. */
@Controller('v1/people')
@UseGuards(SessionGuard)
export class PeopleController {
  constructor(@Inject(People) private readonly people: People) {}

  @Post('requests')
  @HttpCode(200)
  requests(@IdentityParam() identity: Identity, @Ip() address: string, @Body() body: unknown) {
    return this.people.requests({ identity, address }, parsed(personBody, body))
  }

  @Post('where')
  @HttpCode(200)
  where(@IdentityParam() identity: Identity, @Ip() address: string, @Body() body: unknown) {
    return this.people.where({ identity, address }, parsed(personBody, body))
  }
}
