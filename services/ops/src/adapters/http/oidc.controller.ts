import { ProblemError, parsed } from '@lethe/service-host'
import { Controller, Get, Headers, Inject, Ip, Query, Req, Res } from '@nestjs/common'
import { Attempts } from '../../application/attempts.js'
import { OidcSignIn } from '../../application/oidc-sign-in.js'
import { Sessions } from '../../application/sessions.js'
import { COOKIES, type Cookies } from './cookies.js'
import { signInQuery } from './queries.js'

interface Reply {
  status(code: number): Reply
  header(name: string, value: string | string[]): Reply
}

/** Sign-in at the identity provider: there, and back. */
@Controller('v1')
export class OidcController {
  constructor(
    @Inject(OidcSignIn) private readonly signIn: OidcSignIn,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Attempts) private readonly attempts: Attempts,
    @Inject(COOKIES) private readonly cookies: Cookies,
  ) {}

  /** How one can sign in; the one thing the console asks before anybody has. */
  @Get('sign-in')
  ways() {
    return { token: true, provider: this.signIn.client?.label ?? null }
  }

  @Get('session/oidc')
  async begin(@Query() query: unknown, @Res({ passthrough: true }) reply: Reply): Promise<void> {
    const { to } = parsed(signInQuery, query, 'query')
    reply.status(302)
    try {
      const { address, secret } = await this.signIn.begin(to)
      reply.header('set-cookie', this.cookies.begin(secret)).header('location', address)
    } catch (error) {
      reply.header('location', refusal(error))
    }
  }

  /** Where the provider sends the browser: to the console with a session, or to its sign-in page and why not. */
  @Get('session/callback')
  async end(
    @Req() request: { readonly url: string },
    @Headers('cookie') cookie: string | undefined,
    @Ip() address: string,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<void> {
    const search = /\?.*$/s.exec(request.url)?.[0] ?? ''
    reply.status(302)
    try {
      const begun = this.cookies.readBegun(cookie)
      const { token, to } = await this.signIn.finish(begun, search).catch((error: unknown) => {
        this.told(address, error)
        throw error
      })
      const { secret } = await this.sessions.open(token)
      const before = this.cookies.read(cookie)
      if (before !== null) this.sessions.end(before)
      reply
        .header('set-cookie', [this.cookies.set(secret), this.cookies.forgetBegun()])
        .header('location', to)
    } catch (error) {
      reply.header('set-cookie', this.cookies.forgetBegun()).header('location', refusal(error))
    }
  }

  /** In the audit, but not without end: anybody may call this address, without a token and as often as they like. */
  private told(address: string, error: unknown): void {
    if (this.attempts.waitMs(address) > 0) return
    this.attempts.failed(address)
    this.sessions.refused(error instanceof ProblemError ? error.code : 'internal')
  }
}

/** The console's sign-in page, with the code of why. */
function refusal(error: unknown): string {
  if (error instanceof ProblemError) return `/?refused=${error.code}`
  throw error
}
