import { Controller, Get } from '@nestjs/common'
import { IntakeKey } from '../../vault/intake-key.js'
import { openApiDocument } from './openapi.js'

/** What needs no credential: the key that intake messages are encrypted to, and the description of this API. */
@Controller()
export class PublicController {
  constructor(private readonly key: IntakeKey) {}

  @Get('v1/intake-key')
  intakeKey() {
    return this.key.publicJwk
  }

  @Get('openapi.json')
  openApi() {
    return openApiDocument()
  }
}
