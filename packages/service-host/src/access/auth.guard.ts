import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common'
import { problem } from '../problem.js'
import type { Caller } from './caller.js'
import { Credentials } from './credentials-file.js'

interface AuthenticatedRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  caller?: Caller
}

/** Lets nobody in without a live credential; what it may do is decided by the use case. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(private readonly credentials: Credentials) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>()
    const match = /^Bearer ([\x21-\x7e]{1,500})$/i.exec(String(request.headers.authorization ?? ''))
    if (match === null) throw problem('unauthenticated', 'Send "Authorization: Bearer <token>".')
    const authentication = this.credentials.authenticate(match[1] as string, Date.now())
    if (!authentication.ok) {
      const why = authentication.reason === 'expired' ? 'has expired; ask for a new one' : 'is not known'
      throw problem('unauthenticated', `The credential ${why}.`)
    }
    request.caller = authentication.caller
    return true
  }
}

/** The authenticated caller, as a parameter of a handler behind `AuthGuard`. */
export const CallerParam = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<AuthenticatedRequest>()
  if (caller === undefined) throw problem('unauthenticated')
  return caller
})
