import { subjectShape } from '@lethe/eraser-kit/hosting'
import { PausedError } from '@lethe/service-host'
import { z } from 'zod'
import type { Pepper, TombstonePage, TombstoneSource } from '../application/tombstone-source.js'

const answer = z.object({
  validUntil: z.number(),
  tombstones: z.array(
    z.object({
      tombstoneId: z.string(),
      requestId: z.string(),
      mapVersion: z.number(),
      held: z.boolean(),
      ceilingWaived: z.boolean().optional(),
      subject: subjectShape.nullable(),
      code: z.string().optional(),
      digested: z
        .object({
          subjectRef: z.string(),
          tenantId: z.string(),
          receivedAt: z.number(),
          digests: z.array(z.string()),
        })
        .optional(),
    }),
  ),
})
const pepperAnswer = z.object({
  peppers: z.array(z.object({ version: z.string(), secret: z.string() })),
})
const TIMEOUT_MS = 30_000

/** Live tombstones from `request`, over HTTP with this service's own credential. */
export class TombstoneClient implements TombstoneSource {
  constructor(
    private readonly baseUrl: string,
    private readonly token: string,
  ) {}

  page(systemId: string, reason: string, after: string, limit: number): Promise<TombstonePage> {
    return this.read('/v1/tombstones', { systemId, reason, after, limit }, answer)
  }

  matching(
    systemId: string,
    reason: string,
    known: { readonly tenantId: string; readonly digests: readonly string[] },
  ): Promise<TombstonePage> {
    return this.read('/v1/tombstones', { systemId, reason, matching: known }, answer)
  }

  async peppers(systemId: string, reason: string): Promise<readonly Pepper[]> {
    return (await this.read('/v1/tombstones/peppers', { systemId, reason }, pepperAnswer)).peppers
  }

  private async read<T>(path: string, body: object, shape: z.ZodType<T>): Promise<T> {
    const response = await this.ask(path, body)
    if (!response.ok) {
      await response.body?.cancel()
      throw new PausedError(
        'request_refuses',
        `request answers HTTP ${response.status} to the restore service.`,
      )
    }
    const parsed = shape.safeParse(await response.json().catch(() => null))
    // The parser's issues could quote what was sent, so only the fact is told.
    if (!parsed.success)
      throw new PausedError('request_answer_unknown', 'request gave an answer of unknown shape.')
    return parsed.data
  }

  private async ask(path: string, body: object): Promise<Response> {
    try {
      return await fetch(new URL(path, this.baseUrl), {
        method: 'POST',
        headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
    } catch (cause) {
      throw new PausedError('request_unreachable', 'request does not answer; the replay waits.', { cause })
    }
  }
}
