import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Post, Query, UseGuards } from '@nestjs/common'
import { Backups } from '../../application/backups.js'
import { ofSystemOrAll, reportBody } from './bodies.js'

/** The catalogue of backups. */
@Controller('v1/backups')
@UseGuards(AuthGuard)
export class BackupsController {
  constructor(@Inject(Backups) private readonly backups: Backups) {}

  @Get()
  async list(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { systemId, all } = parsed(ofSystemOrAll, query, 'query')
    return { backups: await this.backups.list(caller, systemId ?? null, all === 'true') }
  }

  @Post()
  @HttpCode(200)
  report(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.backups.report(caller, parsed(reportBody, body))
  }
}
