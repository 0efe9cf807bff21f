import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common'
import { problem } from '../problem.js'
import type { Caller } from './caller.js'
import { Credentials } from './credentials-file.js'

interface AuthenticatedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  caller?: Caller
}

/** The token of an Authorization header; null where it holds none that is well formed. */
export function bearerToken(header: unknown): string | null {
  return /^Bearer ([\x21-\x7e]{1,500})$/i.exec(String(header ?? ''))?.[1] ?? null
}

/** @throws ProblemError `unauthenticated` for a token that is not known, or not any more */
export function callerOf(credentials: Credentials, token: string): Caller {
  const authentication = credentials.authenticate(token, Date.now())
  if (authentication.ok) return authentication.caller
  const why = authentication.reason === 'expired' ? 'has expired; ask for a new one' : 'is not known'
  throw problem('unauthenticated', `The credential ${why}.`)
}

/** Lets nobody in without a live credential; what it may do is decided by the use case. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly credentials: Credentials) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>()
    const token = bearerToken(request.headers.authorization)
    if (token === null) throw problem('unauthenticated', 'Send "Authorization: Bearer <token>".')
    request.caller = callerOf(this.credentials, token)
    return true
  }
}

/** The authenticated caller, as a parameter of a handler behind `AuthGuard`. */
export const CallerParam = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>()
  if (caller === undefined) throw problem('unauthenticated')
  return caller
})
