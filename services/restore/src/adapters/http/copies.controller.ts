import { AuthGuard, type Caller, CallerParam, parsed } from '@lethe/service-host'
import { Body, Controller, HttpCode, Inject, Post, UseGuards } from '@nestjs/common'
import { z } from 'zod'
import { Copies } from '../../application/copies.js'
import { restoreName as id } from '../../domain/restore-name.js'

const name = z
  .string()
  .regex(/^[^\s"*,]{1,127}$/, 'is the name of a table or an index, as the data map writes it')
const copy = {
  applyId: id,
  systemId: id,
  url: z.string().min(1).max(2_000),
  tables: z.array(name).min(1).max(500).optional(),
}
const checkBody = z.object({ ...copy, dryRun: z.boolean().default(false) }).strict()
const pageBody = z
  .object({
    ...copy,
    after: z
      .string()
      .regex(/^[\x21-\x7e]{0,200}$/, 'is the cursor of the page before')
      .default(''),
  })
  .strict()

/** Copies that are not in use: their address comes with each call and is not kept. */
@Controller('v1/copies')
@UseGuards(AuthGuard)
export class CopiesController {
  constructor(@Inject(Copies) private readonly copies: Copies) {}

  @Post('check')
  @HttpCode(200)
  check(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { dryRun, ...given } = parsed(checkBody, body)
    return this.copies.check(caller, given, dryRun)
  }

  @Post('replay')
  @HttpCode(200)
  replay(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { after, ...given } = parsed(pageBody, body)
    return this.copies.replay(caller, given, after)
  }

  @Post('probe')
  @HttpCode(200)
  probe(@CallerParam() caller: Caller, @Body() body: unknown) {
    const { after, ...given } = parsed(pageBody, body)
    return this.copies.probe(caller, given, after)
  }
}
