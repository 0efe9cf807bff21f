import { AuthGuard, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common'
import { ImportTombstones } from '../../application/import-tombstones.js'
import type { Caller } from '../../domain/permissions.js'
import { importBody } from './bodies.js'

/** People who were erased before Lethe, or without it. Answers name lines, nobody's identifier. */
@Controller('v1/tombstones')
@UseGuards(AuthGuard)
export class TombstonesController {
  constructor(private readonly imports: ImportTombstones) {}

  @Post('import')
  @HttpCode(200)
  import(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.imports.import(caller, parsed(importBody, body))
  }
}
