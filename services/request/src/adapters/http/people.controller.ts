import { AuthGuard, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common'
import { assertTenant, forbidden } from '../../application/access.js'
import { Naming } from '../../application/naming.js'
import { normalised } from '../../application/new-request.js'
import { People } from '../../application/people.js'
import { type Action, type Caller, may } from '../../domain/permissions.js'
import { personBody } from './bodies.js'

/** A person, named in a body: their requests, and the sources that hold them. Neither question nor answer is kept. */
@Controller('v1/people')
@UseGuards(AuthGuard)
export class PeopleController {
  constructor(
    private readonly people: People,
    private readonly naming: Naming,
  ) {}

  @Post('requests')
  @HttpCode(200)
  requests(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.people.requests(caller, this.named(caller, 'find_person', body))
  }

  @Post('where')
  @HttpCode(200)
  where(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.people.where(caller, this.named(caller, 'where', body))
  }

  private named(caller: Caller, action: Action, body: unknown) {
    if (!may(caller, action)) throw forbidden(action)
    const { tenantId, identifiers } = parsed(personBody, body)
    assertTenant(caller, tenantId)
    const person = { tenantId, identifiers: normalised(identifiers) }
    this.naming.assertAllowed(caller)
    return person
  }
}
