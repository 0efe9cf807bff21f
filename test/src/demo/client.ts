import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LetheClient, RestoreClient } from '@lethe/client'
import { type Endpoints, StateDir } from '@lethe/infra'

/** A client with the credential of the local stack's privacy officer. */
export function clientOf(at: Pick<Endpoints, 'requestUrl'>, credential = 'privacy-officer'): LetheClient {
  return new LetheClient({ url: at.requestUrl, token: tokenOf(credential) })
}

export function restoreClientOf({ ports }: Pick<Endpoints, 'ports'>): RestoreClient {
  return new RestoreClient({ url: `http://127.0.0.1:${ports.restore}`, token: tokenOf('operator') })
}

/** Where the local stack keeps the token of a credential. */
export const tokenFile = (credential: string): string =>
  join(new StateDir().path, 'secrets', `${credential}.token`)

const tokenOf = (credential: string): string => readFileSync(tokenFile(credential), 'utf8').trim()
