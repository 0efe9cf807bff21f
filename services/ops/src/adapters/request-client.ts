import { type ProblemCode, ProblemError, problem, problems } from '@lethe/service-host'
import { z } from 'zod'
import type { Verb } from '../domain/permissions.js'

const epochMs = z.number()
const done = z.object({
  requestId: z.string(),
  status: z.string(),
  version: z.number(),
  holdId: z.string().optional(),
  effectiveAt: epochMs.optional(),
  alreadyGone: z
    .array(z.object({ systemId: z.string(), passId: z.string(), outcome: z.string(), counts: z.unknown() }))
    .optional(),
  outstandingGrants: z
    .array(z.object({ systemId: z.string(), passId: z.string(), expiresAt: epochMs }))
    .optional(),
})

/** What `request` answered to a command. */
export type Done = z.infer<typeof done>

const refusal = z.object({ code: z.string(), detail: z.string().optional() })

/** The request service, asked with the credential of whoever wants something: this service has no power of its own. */
export class RequestClient {
  constructor(
    private readonly url: string | null,
    private readonly timeoutMs = 15_000,
  ) {}

  /** @throws ProblemError as `request` answered, or `unavailable` when nothing is known of what it did */
  async command(token: string, requestId: string, verb: Verb, body: object): Promise<Done> {
    if (this.url === null)
      throw problem('unavailable', 'No address of the request service is set (LETHE_REQUEST_URL).')
    const response = await fetch(`${this.url}/v1/erasure-requests/${requestId}/${verb}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(this.timeoutMs),
    }).catch(() => {
      throw unanswered()
    })
    const answer: unknown = await response.json().catch(() => null)
    if (!response.ok) throw refused(response.status, answer)
    const read = done.safeParse(answer)
    if (!read.success) throw unanswered()
    return read.data
  }
}

const unanswered = () =>
  problem(
    'unavailable',
    'The request service did not answer, so it is not known whether this was done. Look at the request before you try again.',
  )

/** Its own words: they are made for the caller and never repeat what was sent. */
function refused(status: number, answer: unknown): ProblemError {
  // Here the caller is known, so it is no reason to sign in again.
  if (status === 401)
    return problem('forbidden', 'The request service does not know your credential, so nothing was done.')
  const read = refusal.safeParse(answer)
  if (!read.success || !Object.hasOwn(problems, read.data.code) || status >= 500) return unanswered()
  return new ProblemError(read.data.code as ProblemCode, status, read.data.detail)
}
