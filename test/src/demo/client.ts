import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LetheClient } from '@lethe/client'
import { type Endpoints, StateDir } from '@lethe/infra'

/** A client with the credential of the local stack's privacy officer. */
export function clientOf(at: Pick<Endpoints, 'requestUrl'>, credential = 'privacy-officer'): LetheClient {
  const token = readFileSync(join(new StateDir().path, 'secrets', `${credential}.token`), 'utf8').trim()
  return new LetheClient({ url: at.requestUrl, token })
}
