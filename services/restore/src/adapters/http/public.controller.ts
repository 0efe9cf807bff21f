import { Controller, Get } from '@nestjs/common'
import { openApiDocument } from './openapi.js'

/** What needs no credential: the description of this API. */
@Controller()
export class PublicController {
  @Get('openapi.json')
  openApi() {
    return openApiDocument()
  }
}
