import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, HttpCode, Inject, Post, UseGuards } from '@nestjs/common'
import { Copies } from '../../application/copies.js'
import { checkCopyBody, copyPageBody } from './bodies.js'

/** Copies that are not in use: their address comes with each call and is not kept. */
@Controller('v1/copies')
@UseGuards(AuthGuard)
export class CopiesController {
  constructor(@Inject(Copies) private readonly copies: Copies) {}

  @Post('check')
  @HttpCode(200)
  check(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { dryRun, ...given } = parsed(checkCopyBody, body)
    return this.copies.check(caller, given, dryRun)
  }

  @Post('replay')
  @HttpCode(200)
  replay(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { after, ...given } = parsed(copyPageBody, body)
    return this.copies.replay(caller, given, after)
  }

  @Post('probe')
  @HttpCode(200)
  probe(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { after, ...given } = parsed(copyPageBody, body)
    return this.copies.probe(caller, given, after)
  }
}
