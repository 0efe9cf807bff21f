import { problem } from '@lethe/service-host'
import type { FoundRequests, RequestClient, Whereabouts } from '../adapters/request-client.js'
import { may } from '../domain/permissions.js'
import { forbidden } from './actions.js'
import { entryOf, type Journal } from './journal.js'
import type { Asking, Naming } from './naming.js'

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
    private readonly naming: Naming,
  ) {}

  /** Their requests. Audited with the tenant, not with the person. */
  requests(asking: Asking, person: NamedPerson): Promise<FoundRequests> {
    const { token } = asking.identity
    return this.asked(asking, 'find_person', person, () => this.client.findRequests(token, person))
  }

  /** The sources that hold them. Audited with the tenant, not with the person. */
  where(asking: Asking, person: NamedPerson): Promise<Whereabouts> {
    return this.asked(asking, 'where', person, () => this.client.where(asking.identity.token, person))
  }

  private async asked<T>(
    asking: Asking,
    action: 'find_person' | 'where',
    { tenantId }: NamedPerson,
    work: () => Promise<T>,
  ): Promise<T> {
    const { identity } = asking
    const { tenants } = identity.caller
    const own = tenants.includes('*') || tenants.includes(tenantId)
    // What is no tenant of theirs may be anything somebody typed into the wrong field.
    const target = own ? tenantId : 'another tenant'
    this.naming.assertAllowed(asking, action, target)
    return this.journal.around(entryOf(identity, action, target), async () => {
      if (!may(identity.caller, action)) throw forbidden(action)
      if (!own) throw problem('unknown_tenant', 'tenantId names no tenant of your credential.')
      return work()
    })
  }
}
