import { findRequest } from '@lethe/request-log'
import { type ProblemError, problem } from '@lethe/service-host'
import type { Pool } from 'pg'
import type { Done, Evidence, RequestClient } from '../adapters/request-client.js'
import { may, rolesFor, scopeOf, type Verb } from '../domain/permissions.js'
import type { Identity } from './identity.js'
import { entryOf, type Journal } from './journal.js'
import { mayRead } from './looks.js'

/** What people do with one request: asked of `request` with their own credential, written down before and after. */
export class Actions {
  constructor(
    private readonly pool: Pick<Pool, 'query'>,
    private readonly requests: Pick<RequestClient, 'command' | 'evidence'>,
    private readonly journal: Journal,
  ) {}

  /**
   * Nothing is done that could not be written down first.
   *
   * @throws ProblemError `not_found` also for another tenant's request, `forbidden` naming the roles that may, else
   * what `request` answered
   */
  async run(identity: Identity, requestId: string, verb: Verb, body: object): Promise<Done | Evidence> {
    const { caller, token } = identity
    return this.journal.around(entryOf(identity, verb, requestId), async () => {
      mayRead(caller)
      const row = await findRequest(this.pool, requestId, scopeOf(caller))
      if (row === null)
        throw problem('not_found', 'There is no such request among those of your tenants. Check the id.')
      if (!may(caller, verb)) throw forbidden(verb)
      return verb === 'evidence'
        ? this.requests.evidence(token, requestId, body)
        : this.requests.command(token, requestId, verb, body)
    })
  }
}

/** Says which roles may. */
export function forbidden(action: Parameters<typeof rolesFor>[0]): ProblemError {
  const roles = rolesFor(action).map((role) => role.replace('_', ' '))
  return problem(
    'forbidden',
    `None of your credential's roles may ${action.replace('_', ' ')} here. It takes ${roles.join(' or ')}.`,
  )
}
