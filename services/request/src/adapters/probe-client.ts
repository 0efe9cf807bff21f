import { RetryableError } from '@lethe/service-host'
import { z } from 'zod'
import type { CollectionCounts, ProbeClient } from '../application/identity.js'
import type { Identifier, Subject } from '../domain/identifier.js'

const identifier = z.object({ type: z.string(), value: z.string() })
const resolved = z.object({ results: z.array(z.array(z.array(identifier))) })
const counts = z.object({
  found: z.number(),
  erased: z.number(),
  redacted: z.number(),
  retained: z.number(),
  failed: z.number(),
})
const previewed = z.object({
  results: z.array(z.record(z.string(), counts)),
})

/**
 * Talks to the probe deployments over HTTP. Every failure is a RetryableError `probe_unreachable` that names
 * the system and the HTTP status at most: an answer's text could repeat the question.
 */
export class HttpProbeClient implements ProbeClient {
  constructor(
    /** Base URL by system id. */
    private readonly urls: ReadonlyMap<string, string>,
    private readonly token: string,
    private readonly timeoutMs: number,
  ) {}

  async resolve(systemId: string, subjects: readonly Subject[]): Promise<Identifier[][][]> {
    const { results } = await this.call(systemId, '/v1/resolve', subjects, resolved)
    return expectOnePerSubject(systemId, subjects, results) as Identifier[][][]
  }

  async preview(systemId: string, subjects: readonly Subject[]): Promise<Record<string, CollectionCounts>[]> {
    const { results } = await this.call(systemId, '/v1/preview', subjects, previewed)
    return expectOnePerSubject(systemId, subjects, results)
  }

  private async call<T>(
    systemId: string,
    path: string,
    subjects: readonly Subject[],
    shape: z.ZodType<T>,
  ): Promise<T> {
    const base = this.urls.get(systemId)
    if (base === undefined) throw unreachable(systemId, 'it has no address in LETHE_PROBES')
    let response: Response
    try {
      response = await fetch(new URL(path, base), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.token}` },
        body: JSON.stringify({ subjects }),
        signal: AbortSignal.timeout(this.timeoutMs),
      })
    } catch {
      throw unreachable(systemId, 'it did not answer')
    }
    if (!response.ok) {
      await response.body?.cancel()
      throw unreachable(systemId, `it answered HTTP ${response.status}`)
    }
    const parsed = shape.safeParse(await response.json().catch(() => null))
    if (!parsed.success) throw unreachable(systemId, 'its answer has an unknown shape')
    return parsed.data
  }
}

function expectOnePerSubject<T>(systemId: string, subjects: readonly Subject[], results: T[]): T[] {
  if (results.length !== subjects.length) throw unreachable(systemId, 'it answered for fewer subjects')
  return results
}

const unreachable = (systemId: string, why: string): RetryableError =>
  new RetryableError('probe_unreachable', `The probe of ${systemId} can't be asked: ${why}.`)
