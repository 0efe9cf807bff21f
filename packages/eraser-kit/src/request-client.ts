import { PausedError, TerminalError } from '@lethe/service-host'
import { z } from 'zod'
import type { Beat } from './beat.js'
import type { IdentifierType, Subject, TenantRule } from './connector.js'

const identifier = z.object({ type: z.string() as unknown as z.ZodType<IdentifierType>, value: z.string() })
/** A person as `request` hands them to one system. */
export const subjectShape: z.ZodType<Subject> = z.object({
  subjectRef: z.string(),
  tenantId: z.string(),
  identifiers: z.array(identifier),
  receivedAt: z.number(),
})

const answerShape = z.object({
  requestId: z.string(),
  passId: z.string(),
  decision: z.enum(['go', 'never', 'not_now']),
  code: z.string().optional(),
  retryAfterMs: z.number().optional(),
  grant: z.object({ grantId: z.string(), expiresAt: z.number(), macKey: z.string() }).optional(),
  /** The key of a probe's report. */
  macKey: z.string().optional(),
  subject: subjectShape.optional(),
  mapVersion: z.number().optional(),
  ceilingWaived: z.boolean().optional(),
})
export type ClearanceAnswer = z.infer<typeof answerShape>

const tenantShape: z.ZodType<TenantRule> = z.union([
  z.object({ column: z.string() }),
  z.object({ constant: z.string() }),
  z.object({ none: z.literal(true) }),
])
export const sectionShape = z.object({
  version: z.number(),
  tenant: tenantShape,
  canonical: z.string() as unknown as z.ZodType<IdentifierType>,
  system: z.object({
    systemId: z.string(),
    kind: z.string(),
    /** As the data map writes the name of a secret: it is named in findings. */
    connection: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'is the name of a secret, e.g. SHOP_PG'),
    neverHeld: z.record(z.string(), z.string()).optional(),
    ceiling: z.number().nullable(),
    backups: z.array(z.object({ name: z.string(), keepMs: z.number() })).optional(),
    body: z.unknown(),
  }),
})
/** One system of one version of the data map. */
export type MapSection = z.infer<typeof sectionShape>

export interface ClearanceQuestion {
  readonly systemId: string
  readonly purpose: 'erase' | 'probe'
  readonly passes: readonly {
    readonly requestId: string
    readonly passId: string
    readonly attempt: number
  }[]
  /** What stands in the store now; another copy than Lethe knows gets no grants. */
  readonly marker?: { readonly value: string | null; readonly receipts: number }
}

/** The port to `request`. */
export interface RequestPort {
  /** One answer per pass asked for. Throws PausedError when there is no answer: nothing may be spent. */
  clear(question: ClearanceQuestion): Promise<ClearanceAnswer[]>
  /** Throws PausedError when `request` does not answer, TerminalError `map_unknown` when there is no such section. */
  section(version: number | 'current', systemId: string): Promise<MapSection>
}

const TIMEOUT_MS = 5_000

/** Asks `request` over HTTP with this deployment's own credential. */
export class RequestClient implements RequestPort {
  constructor(
    private readonly baseUrl: string,
    private readonly token: string,
    private readonly timeoutMs = TIMEOUT_MS,
  ) {}

  async clear(question: ClearanceQuestion): Promise<ClearanceAnswer[]> {
    const { results } = await this.ask('/v1/clearance', z.object({ results: z.array(answerShape) }), question)
    return results
  }

  section(version: number | 'current', systemId: string): Promise<MapSection> {
    return this.ask(`/v1/data-maps/${version}/systems/${encodeURIComponent(systemId)}`, sectionShape)
  }

  /** Tells that this deployment is there. @throws PausedError when `request` does not answer */
  async beat(beat: Beat): Promise<void> {
    const { systemId: _, ...told } = beat
    await this.ask('/v1/beats', z.object({ heard: z.literal(true) }), told)
  }

  /**
   * When the oldest live tombstone of this deployment's system took effect, epoch milliseconds; null when none lives.
   *
   * @throws PausedError when `request` does not answer; TerminalError when it is too old to know
   */
  async oldestTombstone(): Promise<number | null> {
    const { oldest } = await this.ask('/v1/tombstones/oldest', z.object({ oldest: z.number().nullable() }))
    return oldest
  }

  private async ask<T>(path: string, shape: z.ZodType<T>, body?: object): Promise<T> {
    const response = await this.fetch(path, body)
    if (!response.ok) {
      await response.body?.cancel()
      throw refusal(response.status)
    }
    const parsed = shape.safeParse(await response.json().catch(() => null))
    // The parser's issues could quote what was sent, so only the fact is told.
    if (!parsed.success)
      throw new PausedError(
        'request_answer_unknown',
        'request gave an answer of unknown shape; check its version.',
      )
    return parsed.data
  }

  private async fetch(path: string, body?: object): Promise<Response> {
    try {
      return await fetch(new URL(path, this.baseUrl), {
        method: body ? 'POST' : 'GET',
        headers: {
          authorization: `Bearer ${this.token}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(this.timeoutMs),
      })
    } catch (cause) {
      throw new PausedError('request_unreachable', 'request does not answer; work waits until it does.', {
        cause,
      })
    }
  }
}

function refusal(status: number): PausedError | TerminalError {
  if (status === 401 || status === 403)
    return new PausedError(
      'request_refuses',
      `request refuses LETHE_TOKEN (HTTP ${status}); check its credential.`,
    )
  if (status === 404)
    return new TerminalError('map_unknown', 'request does not know this part of the data map.')
  if (status >= 400 && status < 500 && status !== 408 && status !== 429)
    return new TerminalError('request_rejects', `request rejects the question (HTTP ${status}).`)
  return new PausedError(
    'request_unavailable',
    `request answers HTTP ${status}; work waits until it recovers.`,
  )
}
