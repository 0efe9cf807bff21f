import { PausedError, TerminalError } from '@lethe/service-host'
import { z } from 'zod'
import type { DrillRequests, ErasureProgress } from '../application/drill-requests.js'
import type { DrillCanary } from '../domain/drill.js'

const answer = z.object({ requestId: z.string(), status: z.string() })
const shown = z.object({
  status: z.string(),
  systems: z.array(z.object({ systemId: z.string(), status: z.string() })),
})
/** Of a system of the plan, while somebody is to be erased from it. */
const unfinished = new Set(['PENDING', 'IN_PROGRESS'])
const refusal = z.object({ type: z.string().optional(), code: z.string().optional() })
const TIMEOUT_MS = 30_000

/** Erasures of made-up people, asked for over HTTP with a credential that may name nobody else: of its own tenant. */
export class DrillRequestClient implements DrillRequests {
  constructor(
    private readonly baseUrl: string,
    /** Undefined where drills are not configured. */
    private readonly token: string | undefined,
  ) {}

  async erase({ tenantId, identifiers }: DrillCanary, key: string): Promise<string> {
    const body = {
      tenantId,
      identifiers,
      requesterRole: 'automated',
      identity: { method: 'restore_drill' },
      graceDays: 0,
      approval: 'none',
    }
    const headers = { 'idempotency-key': key }
    return (await this.call(answer, 'POST', '/v1/erasure-requests', body, headers)).requestId
  }

  async progress(requestId: string): Promise<ErasureProgress> {
    const path = `/v1/erasure-requests/${encodeURIComponent(requestId)}`
    const { status, systems } = await this.call(shown, 'GET', path)
    const left = systems.filter((system) => unfinished.has(system.status))
    return { status, unfinished: left.map(({ systemId }) => systemId) }
  }

  private async call<T>(
    form: z.ZodType<T>,
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<T> {
    if (this.token === undefined) throw missingToken()
    const response = await fetch(new URL(path, this.baseUrl), {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new PausedError('request_unreachable', 'request does not answer.', { cause })
    })
    const text: unknown = await response.json().catch(() => null)
    if (!response.ok) {
      const code = refusal.safeParse(text).data?.code ?? `HTTP ${response.status}`
      const refused = `request would not erase the person of the drill (${code}).`
      if (response.status >= 500 || response.status === 429)
        throw new PausedError('request_unreachable', refused)
      throw new TerminalError('erasure_refused', `${refused} ${ADVICE}`)
    }
    const parsed = form.safeParse(text)
    if (!parsed.success)
      throw new PausedError('request_answer_unknown', 'request gave an answer of unknown shape.')
    return parsed.data
  }
}

const ADVICE =
  'LETHE_DRILL_TOKEN needs the role service for the tenant LETHE_DRILL_TENANT names, and request must know that tenant.'

export const missingToken = (): TerminalError =>
  new TerminalError(
    'drill_token_missing',
    'Set LETHE_DRILL_TOKEN of the restore service to a credential of role service for the tenant of drills alone.',
  )
