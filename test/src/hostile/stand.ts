import { openContext } from '@lethe/infra'
import { Caller } from '../harness/caller.js'
import { Chain } from '../harness/chain.js'
import { credentialsWith } from '../harness/credentials.js'
import { addCustomers } from '../leak/people.js'
import { addresses, hostilePeople } from './people.js'

/** Callers beside those of the local stack: one whose time is over and one of another tenant. */
const more = [
  {
    id: 'was-here',
    token: 'expired-token',
    roles: ['privacy_officer'],
    tenants: ['*'],
    expiresAt: 1_700_000_000_000,
  },
  { id: 'globex-officer', token: 'globex-token', roles: ['privacy_officer'], tenants: ['globex'] },
] as const

export interface HostileStand {
  readonly chain: Chain
  /** A privacy officer of every tenant. */
  readonly http: Caller
  close(): Promise<void>
}

/** A chain whose shop has the hostile people, whose queue is short and whose credentials are more. */
export async function openHostileStand(): Promise<HostileStand> {
  const { secrets } = await openContext()
  const file = credentialsWith(secrets.credentialsFile, more)
  const env = { LETHE_CREDENTIALS: file, LETHE_MAX_IN_FLIGHT: '40', LETHE_TENANTS: 'acme,globex' }
  // One of the hostile people is called u1:x, so the map may not say that nobody is.
  const dataMap = (yaml: string) => yaml.replace('idsHoldDelimiters: false', 'idsHoldDelimiters: true')
  const chain = await Chain.start({ shop: { customers: 800 }, env, dataMap, restore: true })
  await addCustomers(chain, [...hostilePeople, ...Object.values(addresses)])
  const { at } = chain.context
  return {
    chain,
    http: new Caller(at.requestUrl, secrets.token('privacy-officer')),
    close: () => chain.stop(),
  }
}
