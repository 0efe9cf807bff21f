import type { ServerResponse } from 'node:http'
import { type Caller, CallerParam, type Logger, parsed } from '@lethe/service-host'
import { Controller, Get, Headers, Inject, Query, Res, UseGuards } from '@nestjs/common'
import type { Identity } from '../../application/identity.js'
import { Live } from '../../application/live.js'
import { EventStream } from './event-stream.js'
import { changesQuery } from './queries.js'
import { IdentityParam, SessionGuard } from './session.guard.js'

interface RawReply {
  hijack(): void
  readonly raw: ServerResponse
}

export const LOGGER = Symbol('logger')

/** What changes, as a stream or asked for again and again. */
@Controller('v1')
@UseGuards(SessionGuard)
export class LiveController {
  constructor(
    @Inject(Live) private readonly live: Live,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get('changes')
  changes(@CallerParam() caller: Caller, @Query() query: unknown) {
    const { after, limit } = parsed(changesQuery, query, 'query')
    return this.live.poll(caller, after, limit)
  }

  @Get('stream')
  stream(
    @IdentityParam() { caller, session }: Identity,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: RawReply,
  ): void {
    this.live.admit(caller)
    reply.hijack()
    const stream = new EventStream(reply.raw)
    // Who has signed out is told nothing more, also where the page was not closed.
    session?.ended.signal.addEventListener('abort', () => reply.raw.destroy(), { signal: stream.closed })
    this.live
      .stream(caller, lastEventId, stream)
      .catch((err: unknown) => this.logger.warn({ err }, 'a live stream ended early; its reader comes back'))
  }
}
