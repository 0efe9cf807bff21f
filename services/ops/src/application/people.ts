import { problem } from '@lethe/service-host'
import type { FoundRequests, RequestClient, Whereabouts } from '../adapters/request-client.js'
import { may } from '../domain/permissions.js'
import { forbidden } from './actions.js'
import type { Identity } from './identity.js'
import { entryOf, type Journal } from './journal.js'

/** A person as somebody typed them in. Goes on to `request` in a body and is kept nowhere here. */
export interface NamedPerson {
  readonly tenantId: string
  readonly identifiers: readonly { readonly type: string; readonly value: string }[]
}

/** What is asked about a person by what they are called: `request` digests it and asks the probes. */
export class People {
  constructor(
    private readonly client: Pick<RequestClient, 'findRequests' | 'where'>,
    private readonly journal: Journal,
  ) {}

  /** Their requests. Audited with the tenant, not with the person. */
  requests(identity: Identity, person: NamedPerson): Promise<FoundRequests> {
    return this.asked(identity, 'find_person', person, () => this.client.findRequests(identity.token, person))
  }

  /** The sources that hold them. Audited with the tenant, not with the person. */
  where(identity: Identity, person: NamedPerson): Promise<Whereabouts> {
    return this.asked(identity, 'where', person, () => this.client.where(identity.token, person))
  }

  private async asked<T>(
    identity: Identity,
    action: 'find_person' | 'where',
    { tenantId }: NamedPerson,
    work: () => Promise<T>,
  ): Promise<T> {
    const { tenants } = identity.caller
    const own = tenants.includes('*') || tenants.includes(tenantId)
    // What is no tenant of theirs may be anything somebody typed into the wrong field.
    return this.journal.around(entryOf(identity, action, own ? tenantId : 'another tenant'), async () => {
      if (!may(identity.caller, action)) throw forbidden(action)
      if (!own) throw problem('unknown_tenant', 'tenantId names no tenant of your credential.')
      return work()
    })
  }
}
