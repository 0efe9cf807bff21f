import { RetryableError } from '@lethe/service-host'
import type { HoldPort } from '../application/self/self-restore.js'

const TIMEOUT_MS = 30_000
const REASON =
  'Held again by a self-restore: a topic says that this request was held, cancelled or refused after the backup.'

/** Holds of `request`, over HTTP with this service's own credential. */
export class HoldClient implements HoldPort {
  constructor(
    private readonly baseUrl: string,
    private readonly token: string,
  ) {}

  /** @throws RetryableError when it could not be held; the self-restore then ends and can be run again */
  async hold(requestId: string): Promise<void> {
    const url = new URL(`/v1/erasure-requests/${encodeURIComponent(requestId)}/hold`, this.baseUrl)
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: REASON }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new RetryableError('request_unreachable', 'request does not answer; nothing was held.', { cause })
    })
    await response.body?.cancel()
    if (!response.ok)
      throw new RetryableError('request_refuses', `request answers HTTP ${response.status} to a hold.`)
  }
}
