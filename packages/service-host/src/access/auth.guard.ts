import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  Optional,
} from '@nestjs/common'
import { problem } from '../problem.js'
import type { Caller } from './caller.js'
import { Credentials } from './credentials-file.js'
import { type Identified, looksSigned, PeoplesTokens } from './people.js'

interface AuthenticatedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  caller?: Caller
}

/** The token of an Authorization header; null where it holds none that is well formed. */
export function bearerToken(header: unknown): string | null {
  return /^Bearer ([\x21-\x7e]{1,8000})$/i.exec(String(header ?? ''))?.[1] ?? null
}

/**
 * Whose token it is: a service credential's, or a person's from the identity provider.
 *
 * @throws ProblemError `unauthenticated` for a token that is not known, or not any more
 */
export async function identified(
  token: string,
  credentials: Credentials,
  people: PeoplesTokens | null,
): Promise<Identified> {
  const authentication = credentials.authenticate(token, Date.now())
  if (authentication.ok) return { caller: authentication.caller, endsAt: null }
  if (authentication.reason === 'expired')
    throw problem('unauthenticated', 'The credential has expired; ask for a new one.')
  if (people !== null && looksSigned(token)) return people.identify(token)
  throw problem('unauthenticated', 'The credential is not known.')
}

/** Lets nobody in without a live credential; what it may do is decided by the use case. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    @Inject(Credentials) private readonly credentials: Credentials,
    @Optional() @Inject(PeoplesTokens) private readonly people: PeoplesTokens | null = null,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>()
    const token = bearerToken(request.headers.authorization)
    if (token === null) throw problem('unauthenticated', 'Send "Authorization: Bearer <token>".')
    request.caller = (await identified(token, this.credentials, this.people)).caller
    return true
  }
}

/** The authenticated caller, as a parameter of a handler behind `AuthGuard`. */
export const CallerParam = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>()
  if (caller === undefined) throw problem('unauthenticated')
  return caller
})
