import { RetryableError } from '@lethe/service-host'
import { z } from 'zod'
import type { MapSection } from '../application/data-maps.js'
import type { CollectionCounts, ProbeClient } from '../application/identity.js'
import type { MapProbes, SystemCheck } from '../application/map-check.js'
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

const described: z.ZodType<SystemCheck> = z.object({
  version: z.string().nullable(),
  findings: z.array(
    z.object({
      level: z.enum(['error', 'warning']),
      code: z.string(),
      where: z.string(),
      message: z.string(),
      path: z.array(z.union([z.string(), z.number()])).optional(),
    }),
  ),
  grants: z.object({ erase: z.array(z.string()), probe: z.array(z.string()) }).nullable(),
})

/** Proofs read the store; the slowest are cut short by the probe itself. */
const describeMs = 60_000

/** What a probe takes in one call. */
const maxSubjects = 1_000

/**
 * Talks to the probe deployments over HTTP. Every failure is a RetryableError `probe_unreachable` that names
 * the system and the HTTP status at most: an answer's text could repeat the question.
 */
export class HttpProbeClient implements ProbeClient, MapProbes {
  constructor(
    /** Base URL by system id. */
    private readonly urls: ReadonlyMap<string, string>,
    private readonly token: string,
    private readonly timeoutMs: number,
  ) {}

  async resolve(systemId: string, subjects: readonly Subject[]): Promise<Identifier[][][]> {
    const answers = await this.inParts(systemId, '/v1/resolve', subjects, resolved)
    return answers as Identifier[][][]
  }

  async preview(systemId: string, subjects: readonly Subject[]): Promise<Record<string, CollectionCounts>[]> {
    return this.inParts(systemId, '/v1/preview', subjects, previewed)
  }

  describe(systemId: string, section: MapSection): Promise<SystemCheck> {
    return this.call(systemId, '/v1/describe', { section }, described, describeMs)
  }

  private async inParts<T>(
    systemId: string,
    path: string,
    subjects: readonly Subject[],
    shape: z.ZodType<{ results: T[] }>,
  ): Promise<T[]> {
    const all: T[] = []
    for (let from = 0; from < subjects.length; from += maxSubjects) {
      const part = subjects.slice(from, from + maxSubjects)
      const { results } = await this.call(systemId, path, { subjects: part }, shape)
      if (results.length !== part.length) throw unreachable(systemId, 'it answered for fewer subjects')
      all.push(...results)
    }
    return all
  }

  private async call<T>(
    systemId: string,
    path: string,
    body: object,
    shape: z.ZodType<T>,
    timeoutMs = this.timeoutMs,
  ): Promise<T> {
    const base = this.urls.get(systemId)
    if (base === undefined) throw unreachable(systemId, 'it has no address in LETHE_PROBES')
    let response: Response
    try {
      response = await fetch(new URL(path, base), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${this.token}` },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
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

const unreachable = (systemId: string, why: string): RetryableError =>
  new RetryableError('probe_unreachable', `The probe of ${systemId} can't be asked: ${why}.`)
