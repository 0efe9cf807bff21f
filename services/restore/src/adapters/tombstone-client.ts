import { subjectShape } from '@lethe/eraser-kit/hosting'
import { PausedError } from '@lethe/service-host'
import { z } from 'zod'
import type { TombstonePage, TombstoneSource } from '../application/tombstone-source.js'

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
    }),
  ),
})
const TIMEOUT_MS = 30_000

/** Live tombstones from `request`, over HTTP with this service's own credential. */
export class TombstoneClient implements TombstoneSource {
  constructor(
    private readonly baseUrl: string,
    private readonly token: string,
  ) {}

  async page(systemId: string, reason: string, after: string, limit: number): Promise<TombstonePage> {
    const response = await this.ask({ systemId, reason, after, limit })
    if (!response.ok) {
      await response.body?.cancel()
      throw new PausedError(
        'request_refuses',
        `request answers HTTP ${response.status} to the restore service.`,
      )
    }
    const parsed = answer.safeParse(await response.json().catch(() => null))
    // The parser's issues could quote what was sent, so only the fact is told.
    if (!parsed.success)
      throw new PausedError('request_answer_unknown', 'request gave an answer of unknown shape.')
    return parsed.data
  }

  private async ask(body: object): Promise<Response> {
    try {
      return await fetch(new URL('/v1/tombstones', this.baseUrl), {
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
