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
  /** Only to who took a task: whom it is about. It goes on to them, and is kept and logged nowhere. */
  task: z
    .object({
      systemId: z.string(),
      passId: z.string(),
      instructions: z.string().nullable(),
      identifiers: z.array(z.object({ type: z.string(), value: z.string() })),
      receivedAt: epochMs,
      until: epochMs,
    })
    .optional(),
})

/** What `request` answered to a command. */
export type Done = z.infer<typeof done>

const evidence = z.object({ systemId: z.string(), reference: z.string(), note: z.string().nullable() })
/** What somebody gave as evidence of a task. */
export type Evidence = z.infer<typeof evidence>

const foundRequests = z.object({ requestIds: z.array(z.uuid()), truncated: z.boolean() })
/** The requests of a person. */
export type FoundRequests = z.infer<typeof foundRequests>

const whereabouts = z.object({
  whereId: z.string(),
  holding: z.array(
    z.object({
      systemId: z.string(),
      ids: z.array(z.object({ type: z.string(), value: z.string() })),
      collections: z.record(z.string(), z.number()).nullable(),
    }),
  ),
  without: z.array(z.string()),
  unknown: z.array(z.string()),
})
/** The sources that hold a person. */
export type Whereabouts = z.infer<typeof whereabouts>

const mapFinding = z.object({
  level: z.enum(['error', 'warning']),
  code: z.string(),
  where: z.string(),
  message: z.string(),
  path: z.string(),
  line: z.number(),
})
const checkedMap = z.object({
  version: z.number(),
  ok: z.boolean(),
  findings: z.array(mapFinding),
  systems: z.record(
    z.string(),
    z.object({ kind: z.string(), status: z.string(), findings: z.array(mapFinding) }),
  ),
})
/** The data map in force, held against the stores. */
export type CheckedMap = z.infer<typeof checkedMap>

const refusal = z.object({ code: z.string(), detail: z.string().optional() })

const NOT_KNOWN_WHETHER_DONE =
  'The request service did not answer, so it is not known whether this was done. Look at the request before you try again.'
const NOT_ANSWERED = 'The request service did not answer. Nothing was changed; ask again.'

/** The request service, asked with the credential of whoever wants something: this service has no power of its own. */
export class RequestClient {
  constructor(
    private readonly url: string | null,
    private readonly timeoutMs = 15_000,
  ) {}

  /** @throws ProblemError as `request` answered, or `unavailable` when nothing is known of what it did */
  command(token: string, requestId: string, verb: Verb, body: object): Promise<Done> {
    const path = `/v1/erasure-requests/${requestId}/${verb}`
    return this.ask({ token, path, body, shape: done, silence: NOT_KNOWN_WHETHER_DONE })
  }

  /** @throws ProblemError as `request` answered, or `unavailable` */
  evidence(token: string, requestId: string, body: object): Promise<Evidence> {
    const path = `/v1/erasure-requests/${requestId}/evidence`
    return this.ask({ token, path, body, shape: evidence, silence: NOT_ANSWERED })
  }

  /** @throws ProblemError as `request` answered, or `unavailable` */
  findRequests(token: string, body: object): Promise<FoundRequests> {
    const path = '/v1/people/requests'
    return this.ask({ token, path, body, shape: foundRequests, silence: NOT_ANSWERED })
  }

  /** @throws ProblemError as `request` answered, or `unavailable` */
  where(token: string, body: object): Promise<Whereabouts> {
    return this.ask({ token, path: '/v1/people/where', body, shape: whereabouts, silence: NOT_ANSWERED })
  }

  /** @throws ProblemError as `request` answered, or `unavailable`; probes may look for a minute */
  checkMap(token: string): Promise<CheckedMap> {
    const path = '/v1/map-check'
    return this.ask({ token, path, shape: checkedMap, silence: NOT_ANSWERED, timeoutMs: 75_000 })
  }

  private async ask<T>(call: {
    readonly token: string
    readonly path: string
    /** Posted; without one the path is read. */
    readonly body?: object
    readonly timeoutMs?: number
    readonly shape: z.ZodType<T>
    /** Said when there is no answer that can be read. */
    readonly silence: string
  }): Promise<T> {
    if (this.url === null)
      throw problem('unavailable', 'No address of the request service is set (LETHE_REQUEST_URL).')
    const response = await fetch(this.url + call.path, {
      headers: { authorization: `Bearer ${call.token}`, 'content-type': 'application/json' },
      ...(call.body === undefined ? {} : { method: 'POST', body: JSON.stringify(call.body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(call.timeoutMs ?? this.timeoutMs),
    }).catch(() => {
      throw problem('unavailable', call.silence)
    })
    const answer: unknown = await response.json().catch(() => null)
    if (!response.ok) throw refused(response.status, answer, call.silence)
    const read = call.shape.safeParse(answer)
    if (!read.success) throw problem('unavailable', call.silence)
    return read.data
  }
}

/** Nothing was done, and nothing will be done with this credential. */
export class CredentialUnknown extends ProblemError {
  constructor() {
    super('forbidden', 403, 'The request service does not know your credential, so nothing was done.')
  }
}

/** Its own words: they are made for the caller and never repeat what was sent. */
function refused(status: number, answer: unknown, silence: string): ProblemError {
  // Here the caller is known, so it is no reason to sign in again.
  if (status === 401) return new CredentialUnknown()
  const read = refusal.safeParse(answer)
  if (!read.success || !Object.hasOwn(problems, read.data.code) || status >= 500)
    return problem('unavailable', silence)
  return new ProblemError(read.data.code as ProblemCode, status, read.data.detail)
}
