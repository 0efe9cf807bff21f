import {
  bearerToken,
  type Caller,
  Credentials,
  identified,
  PeoplesTokens,
  problem,
} from '@lethe/service-host'
import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  Optional,
} from '@nestjs/common'
import type { Identity } from '../../application/identity.js'
import { Sessions } from '../../application/sessions.js'
import { COOKIES, type Cookies } from './cookies.js'

interface Asked {
  readonly method: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  caller?: Caller
  identity?: Identity
}

const READS = ['GET', 'HEAD']

/**
 * Lets in whoever has a live credential: machines with a bearer token, people with the cookie of a session. A call
 * that changes something by a cookie needs the session's token in a header and must come from the console's own
 * page; a browser adds the cookie by itself, wherever the call was made up.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  constructor(
    @Inject(Credentials) private readonly credentials: Credentials,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(COOKIES) private readonly cookies: Cookies,
    @Optional() @Inject(PeoplesTokens) private readonly people: PeoplesTokens | null = null,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Asked>()
    request.identity = await this.identify(request)
    request.caller = request.identity.caller
    return true
  }

  private async identify({ method, headers }: Asked): Promise<Identity> {
    if (headers.authorization !== undefined) {
      const token = bearerToken(headers.authorization)
      if (token === null) throw problem('unauthenticated', 'Send "Authorization: Bearer <token>".')
      const { caller } = await identified(token, this.credentials, this.people)
      return { caller, token, session: null }
    }
    const secret = this.cookies.read(headers['cookie'])
    if (secret === null)
      throw problem(
        'unauthenticated',
        'Sign in at POST /v1/session, or send "Authorization: Bearer <token>".',
      )
    const session = this.sessions.find(secret, headers['x-lethe-attended'] !== undefined)
    // Somebody else has signed in with this browser since: what this page shows is not theirs.
    const tabs = headers['x-lethe-tabs']
    if (tabs !== undefined && tabs !== session.tabs)
      throw problem('unauthenticated', 'The page is of a session that is over. Load it anew.')
    if (!READS.includes(method)) {
      assertOwnSite(headers)
      this.sessions.assertOwnPage(session, headers['x-lethe-csrf'])
    }
    return { caller: session.caller, token: session.token, session }
  }
}

/** Browsers say where a call was made. @throws ProblemError `forbidden` when that is another site */
export function assertOwnSite(headers: Asked['headers']): void {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin') return
  throw problem('forbidden', 'The call was made by a page of another site, so nothing was done.')
}

/** Who asks, as a parameter of a handler behind `SessionGuard`. */
export const IdentityParam = createParamDecorator((_: unknown, context: ExecutionContext): Identity => {
  const { identity } = context.switchToHttp().getRequest<Asked>()
  if (identity === undefined) throw problem('unauthenticated')
  return identity
})
