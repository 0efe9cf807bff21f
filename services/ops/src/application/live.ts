import { setTimeout as delay } from 'node:timers/promises'
import type { Position } from '@lethe/event-store'
import type { TenantScope } from '@lethe/request-log'
import { type Caller, gauge, problem } from '@lethe/service-host'
import { scopeOf } from '../domain/permissions.js'
import type { Bulk } from './bulk.js'
import type { ChangePage, Changes } from './changes.js'
import type { Lag } from './lag.js'
import { aged, mayRead } from './looks.js'
import type { Overview } from './overview.js'

/** Where events go. */
export interface Sink {
  readonly closed: AbortSignal
  send(event: string, data: unknown, id?: string): Promise<void>
  beat(): Promise<void>
  end(): void
}

export interface LiveOptions {
  /** Milliseconds between two looks at lag and overview. */
  readonly figuresMs: number
  /** Milliseconds after which a stream ends; who comes back is asked for the credential anew. */
  readonly longestMs: number
  /** Streams at once. */
  readonly most: number
}

export const defaultLiveOptions: LiveOptions = { figuresMs: 2_000, longestMs: 300_000, most: 200 }

/** Pages of the log. Who missed more starts over: reading lists again is cheaper than every change since. */
const MOST_REPLAYED = 10
const position = /^[0-9]{1,19}\.[0-9]{1,18}$/

const streams = gauge('lethe_ops_streams', 'Live streams that are open.', [])

/** Changes as they happen, and again for who was away. */
export class Live {
  private open = 0
  private readonly stopped = new AbortController()

  constructor(
    private readonly changes: Changes,
    private readonly lag: Lag,
    private readonly overview: Overview,
    private readonly bulk: Pick<Bulk, 'underWay'>,
    private readonly options: LiveOptions = defaultLiveOptions,
  ) {}

  /** For who can't hold a stream open; without `after`, where to begin. */
  async poll(caller: Caller, after: string | undefined, limit: number): Promise<ChangePage> {
    mayRead(caller)
    if (after === undefined) return { items: [], next: await this.changes.end(), end: true }
    return this.changes.read(after, scopeOf(caller), limit)
  }

  /** Ends every stream. */
  stop(): void {
    this.stopped.abort(new Error('the service is stopping'))
  }

  /** @throws ProblemError before anything is sent; afterwards the stream just ends, and its reader comes back. */
  admit(caller: Caller): void {
    mayRead(caller)
    if (this.open >= this.options.most)
      throw problem('unavailable', 'Too many streams are open; use /v1/changes and try again later.')
  }

  /**
   * Resolves when the stream has ended. Events: `request` with its place in the log as id, `lag`, `overview` and
   * `bulk` (jobs under way) without one; `reset` means that too much was missed to tell, and that lists must be read again.
   */
  async stream(caller: Caller, lastEventId: string | undefined, sink: Sink): Promise<void> {
    streams.set(++this.open)
    const ended = AbortSignal.any([
      sink.closed,
      this.stopped.signal,
      AbortSignal.timeout(this.options.longestMs),
    ])
    const scope = scopeOf(caller)
    try {
      await Promise.race([this.requests(lastEventId, scope, sink, ended), this.figures(caller, sink, ended)])
    } catch (error) {
      if (!ended.aborted) throw error
    } finally {
      streams.set(--this.open)
      sink.end()
    }
  }

  private async requests(
    lastEventId: string | undefined,
    scope: TenantScope,
    sink: Sink,
    ended: AbortSignal,
  ): Promise<void> {
    let after = await this.begin(lastEventId, scope, sink)
    while (!ended.aborted) {
      const page = await this.changes.next(after, scope, ended)
      await sendAll(page, sink)
      after = page.next
    }
  }

  /** Sends what was missed; returns where to go on. */
  private async begin(lastEventId: string | undefined, scope: TenantScope, sink: Sink): Promise<Position> {
    const end = await this.changes.end()
    if (lastEventId === undefined) {
      // So that even who sees nothing happen knows where to go on.
      await sink.send('hello', { position: end }, end)
      return end
    }
    let after = lastEventId
    for (let pages = 0; position.test(after) && pages < MOST_REPLAYED; pages++) {
      const page = await this.changes.read(after, scope)
      await sendAll(page, sink)
      after = page.next
      if (page.end) return after
    }
    await sink.send('reset', { position: end }, end)
    return end
  }

  private async figures(caller: Caller, sink: Sink, ended: AbortSignal): Promise<void> {
    const { figuresMs } = this.options
    const scope = scopeOf(caller)
    let shown = 0
    while (!ended.aborted) {
      const { startedAt, value } = await this.lag.read(figuresMs)
      const { groups, slots, connector } = value
      if (startedAt > shown) await sink.send('lag', aged({ startedAt, value: { groups, slots, connector } }))
      else await sink.beat()
      shown = startedAt
      await sink.send('overview', aged(await this.overview.read(scope, figuresMs)))
      const jobs = await this.bulk.underWay(caller, figuresMs)
      if (jobs.length > 0) await sink.send('bulk', jobs)
      await delay(figuresMs, undefined, { signal: ended })
    }
  }
}

async function sendAll(page: ChangePage, sink: Sink): Promise<void> {
  for (const { position: id, ...change } of page.items) await sink.send('request', change, id)
}
