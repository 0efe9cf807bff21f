import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, Get, HttpCode, Inject, Post, UseGuards } from '@nestjs/common'
import { SelfRestore } from '../../application/self/self-restore.js'
import { beginSelfBody } from './bodies.js'

/** Lethe's own database: whether it is the one Lethe last worked with, and what a person can do when it is not. */
@Controller('v1/self')
@UseGuards(AuthGuard)
export class SelfController {
  constructor(@Inject(SelfRestore) private readonly self: SelfRestore) {}

  @Get()
  view(@CallerParam() caller: Caller) {
    return this.self.view(caller)
  }

  @Post('restore')
  @HttpCode(202)
  begin(@CallerParam() caller: Caller, @Body() body: unknown) {
    return this.self.begin(caller, parsed(beginSelfBody, body ?? {}).accept)
  }
}
