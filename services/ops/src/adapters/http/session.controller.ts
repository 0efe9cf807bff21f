import { parsed } from '@lethe/service-host'
import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Inject,
  Ip,
  Post,
  Res,
  UseGuards,
} from '@nestjs/common'
import { Attempts } from '../../application/attempts.js'
import type { Identity } from '../../application/identity.js'
import { Sessions } from '../../application/sessions.js'
import { signInBody } from './bodies.js'
import { COOKIES, type Cookies } from './cookies.js'
import { assertOwnSite, IdentityParam, SessionGuard } from './session.guard.js'

interface Reply {
  header(name: string, value: string): Reply
}

type Sent = Readonly<Record<string, string | string[] | undefined>>

/** Sign in, see who is signed in, sign out. */
@Controller('v1/session')
export class SessionController {
  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Attempts) private readonly attempts: Attempts,
    @Inject(COOKIES) private readonly cookies: Cookies,
  ) {}

  /** The token of a service credential for a cookie; a session that the cookie of the call has ends. */
  @Post()
  async start(
    @Body() body: unknown,
    @Headers() headers: Sent,
    @Ip() address: string,
    @Res({ passthrough: true }) reply: Reply,
  ) {
    assertOwnSite(headers)
    this.attempts.assertAllowed(address)
    const { token } = parsed(signInBody, body)
    const { secret, session } = await this.sessions.open(token).catch((error: unknown) => {
      this.attempts.failed(address)
      throw error
    })
    const before = this.cookies.read(headers['cookie'])
    if (before !== null) this.sessions.end(before)
    reply.header('set-cookie', this.cookies.set(secret))
    return this.view({ caller: session.caller, token, session })
  }

  @Get()
  @UseGuards(SessionGuard)
  one(@IdentityParam() identity: Identity) {
    return this.view(identity)
  }

  @Delete()
  @HttpCode(204)
  @UseGuards(SessionGuard)
  end(@Headers() headers: Sent, @Res({ passthrough: true }) reply: Reply): void {
    const secret = this.cookies.read(headers['cookie'])
    if (secret !== null) this.sessions.end(secret)
    reply.header('set-cookie', this.cookies.clear())
  }

  private view({ caller, session }: Identity) {
    const end = session === null ? null : this.sessions.endOf(session)
    return {
      credentialId: caller.id,
      roles: caller.roles,
      tenants: caller.tenants,
      csrfToken: session?.csrfToken ?? null,
      tabs: session?.tabs ?? null,
      startedAt: session?.startedAt ?? null,
      idleAt: end?.idleAt ?? null,
      endsAt: end?.endsAt ?? null,
    }
  }
}
