import type { Readable } from 'node:stream'
import { parsed } from '@lethe/service-host'
import { Controller, Get, Inject, Query, Res, UseGuards } from '@nestjs/common'
import { Export } from '../../application/export.js'
import type { Identity } from '../../application/identity.js'
import { exportQuery } from './queries.js'
import { IdentityParam, SessionGuard } from './session.guard.js'

interface RawReply {
  headers(values: Readonly<Record<string, string>>): RawReply
  send(body: Readable): unknown
}

/** The list of requests as a file. */
@Controller('v1')
@UseGuards(SessionGuard)
export class ExportController {
  constructor(@Inject(Export) private readonly exports: Export) {}

  @Get('requests.csv')
  async file(
    @IdentityParam() identity: Identity,
    @Query() query: Record<string, string>,
    @Res() reply: RawReply,
  ): Promise<void> {
    const question = parsed(exportQuery, query, 'query')
    const file = await this.exports.open(identity, question, `requests.csv?${new URLSearchParams(query)}`)
    reply
      .headers({
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': 'attachment; filename="requests.csv"',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
      .send(file)
  }
}
