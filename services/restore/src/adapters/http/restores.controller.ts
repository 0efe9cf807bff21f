import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common'
import { Restores } from '../../application/restores.js'
import { announceBody, name, ofSystem, openBody, sweepBody } from './bodies.js'

@Controller('v1')
@UseGuards(AuthGuard)
export class RestoresController {
  constructor(@Inject(Restores) private readonly restores: Restores) {}

  @Get('gates/:systemId')
  gate(@CallerParam() caller: Caller, @Param('systemId') systemId: string) {
    return this.restores.gate(caller, parsed(name, systemId, 'systemId'))
  }

  @Get('restores')
  async list(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { systemId } = parsed(ofSystem, query, 'query')
    return { restores: await this.restores.history(caller, systemId ?? null) }
  }

  @Get('restores/:restoreId')
  one(@CallerParam() caller: Caller, @Param('restoreId') restoreId: string) {
    return this.restores.one(caller, parsed(name, restoreId, 'restoreId'))
  }

  @Post('restores')
  announce(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.restores.announce(caller, parsed(announceBody, body))
  }

  @Get('sweeps')
  async sweeps(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { systemId } = parsed(ofSystem, query, 'query')
    return { sweeps: await this.restores.sweepHistory(caller, systemId ?? null) }
  }

  @Get('sweeps/:sweepId')
  oneSweep(@CallerParam() caller: Caller, @Param('sweepId') sweepId: string) {
    return this.restores.oneSweep(caller, parsed(name, sweepId, 'sweepId'))
  }

  @Post('sweeps')
  sweep(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.restores.sweep(caller, parsed(sweepBody, body).systemId)
  }

  @Post('restores/:restoreId/retry')
  @HttpCode(200)
  retry(@CallerParam() caller: Caller, @Param('restoreId') restoreId: string) {
    return this.restores.retry(caller, parsed(name, restoreId, 'restoreId'))
  }

  @Post('restores/:restoreId/open')
  @HttpCode(200)
  open(@CallerParam() caller: Caller, @Param('restoreId') restoreId: string, @Body() body: unknown) {
    return this.restores.open(caller, parsed(name, restoreId, 'restoreId'), parsed(openBody, body).ticket)
  }
}
