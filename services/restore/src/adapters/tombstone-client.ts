import { PausedError } from '@lethe/service-host'
import { z } from 'zod'
import type { Pepper, TombstonePage, TombstoneSource } from '../application/tombstone-source.js'
import { pageIn } from './tombstone-page.js'

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
    return this.read('/v1/tombstones', { systemId, reason, after, limit, as: 'columns' }, pageIn)
  }

  matching(
    systemId: string,
    reason: string,
    known: { readonly tenantId: string; readonly digests: readonly string[] },
  ): Promise<TombstonePage> {
    return this.read('/v1/tombstones', { systemId, reason, matching: known, as: 'columns' }, pageIn)
  }

  async peppers(systemId: string, reason: string): Promise<readonly Pepper[]> {
    const path = '/v1/tombstones/peppers'
    return this.read(
      path,
      { systemId, reason },
      (answer) => pepperAnswer.safeParse(answer).data?.peppers ?? null,
    )
  }

  /** @param parsed null of what is no such answer */
  private async read<T>(path: string, body: object, parsed: (answer: unknown) => T | null): Promise<T> {
    const response = await this.ask(path, body)
    if (!response.ok) {
      await response.body?.cancel()
      throw new PausedError(
        'request_refuses',
        `request answers HTTP ${response.status} to the restore service.`,
      )
    }
    const answer = parsed(await response.json().catch(() => null))
    // What is wrong with it could quote what was sent, so only the fact is told.
    if (answer === null)
      throw new PausedError('request_answer_unknown', 'request gave an answer of unknown shape.')
    return answer
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
