import { AuthGuard, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common'
import { assertTenant, forbidden } from '../../application/access.js'
import { Naming } from '../../application/naming.js'
import { normalised } from '../../application/new-request.js'
import { Previews } from '../../application/preview.js'
import { type Caller, may } from '../../domain/permissions.js'
import { previewBody } from './bodies.js'

/** How much is held about a person, before anything is asked for. */
@Controller('v1/previews')
@UseGuards(AuthGuard)
export class PreviewsController {
  constructor(
    private readonly previews: Previews,
    private readonly naming: Naming,
  ) {}

  @Post()
  @HttpCode(200)
  preview(@CallerParam() caller: Caller, @Body() body: unknown) {
    if (!may(caller, 'preview')) throw forbidden('preview')
    const { tenantId, identifiers } = parsed(previewBody, body)
    assertTenant(caller, tenantId)
    const person = { tenantId, identifiers: normalised(identifiers) }
    this.naming.assertAllowed(caller)
    return this.previews.preview(caller, person)
  }
}
